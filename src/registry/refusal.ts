/** Error codes of the OCI distribution spec (error codes) with the status that each has here by default; UNKNOWN is for faults of our own. */
const STATUS = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  UNKNOWN: 500,
} as const;

export type RefusalCode = keyof typeof STATUS;

export interface RefusalDetails {
  /** HTTP status, when it is not the code's usual one. */
  readonly status?: number;
  readonly detail?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Further errors of the same answer, one each. */
  readonly all?: readonly unknown[];
}

/** What a client is told when its request is not carried out. It ends in the answer, never at our own user. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** One for each error of the answer. */
  readonly details: readonly unknown[];

  constructor(code: RefusalCode, message: string, options: RefusalDetails) {
    super(message);
    this.code = code;
    this.status = options.status ?? STATUS[code];
    this.headers = options.headers ?? {};
    this.details = options.all ?? [options.detail];
  }

  /** The body of the distribution spec. */
  toJson(): string {
    const { code, message } = this;
    const errors = this.details.map((detail) => ({
      code,
      message,
      ...(detail === undefined ? {} : { detail }),
    }));
    return `${JSON.stringify({ errors })}\n`;
  }
}

/** Makes a refusal, to be thrown. */
export function refuse(code: RefusalCode, message: string, details: RefusalDetails = {}): Refusal {
  return new Refusal(code, message, details);
}
