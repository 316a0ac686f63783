import { AirgapError, type Fault, systemCode } from '../errors.js';
import { printable, redact } from '../redact.js';
import type { KubeRequest, KubeResponse, KubeStatus, StatusCause } from './types.js';

/** Network faults that heal by waiting: a restarting API server, a load balancer without a backend. */
const HEALING_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'ECONNABORTED',
]);
const HEALING_STATUS = new Set([408, 429, 500, 502, 503, 504]);
const TLS_CODES = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|EPROTO)/;

/** True when the same request may succeed a little later (threats 97). */
export function mayHeal(error: unknown): boolean | { readonly after: number } {
  const status = statusOf(error);
  if (status) {
    if (!HEALING_STATUS.has(status.code)) return false;
    // A webhook that fails or denies answers 500 as well, and does not get better by asking again.
    if (/failed calling webhook|admission webhook|conversion webhook/.test(status.message)) return false;
    return status.retryAfter === undefined ? true : { after: Math.min(status.retryAfter, 60_000) };
  }
  const code = systemCode(error instanceof AirgapError ? error.cause : error);
  return code !== undefined && HEALING_CODES.has(code);
}

/** The Status that an error of this room carries, if the server gave one. */
export function statusOf(error: unknown): KubeStatus | undefined {
  const cause = error instanceof AirgapError ? error.cause : undefined;
  if (typeof cause !== 'object' || cause === null || !('reason' in cause) || !('causes' in cause))
    return undefined;
  return cause as KubeStatus;
}

/** The error of an answer of 400 or above. */
export function answerFault(request: KubeRequest, response: KubeResponse): AirgapError {
  const status = readStatus(response);
  const what = `${request.method} ${request.path.split('?')[0]}`;
  const found = `${status.code} ${status.reason}: ${status.message}`.trim();
  const details = { found, cause: status };
  if (status.code === 401) {
    return new AirgapError('CLUSTER_DENIED', 'the API server does not accept the credentials', {
      ...details,
      hint: 'log in again, or choose another context: kubectl auth whoami',
    });
  }
  if (status.code === 403 && isMissingRight(status)) {
    return new AirgapError('CLUSTER_DENIED', `the API server does not allow ${what}`, details);
  }
  if (HEALING_STATUS.has(status.code) && mayHeal(new AirgapError('INTERNAL', '', { cause: status }))) {
    return new AirgapError('CLUSTER_UNREACHABLE', `the API server cannot answer ${what}`, details);
  }
  const managers = conflictsOf(status);
  if (managers.length > 0) {
    return new AirgapError('APPLY_CONFLICT', `fields of ${what.split(' ')[1]} belong to another manager`, {
      cause: status,
      faults: managers.map(({ manager, field }) => ({ where: field, what: `belongs to ${manager}` })),
    });
  }
  return new AirgapError('CLUSTER_REFUSED', `the API server refuses ${what}`, {
    ...details,
    faults: status.causes.filter((cause) => cause.message !== '').map(causeFault),
  });
}

/** The error of an exchange that gave no answer. */
export function networkFault(server: string, error: unknown): unknown {
  if (error instanceof AirgapError) return error;
  const name = error instanceof Error ? error.name : '';
  if (name === 'AbortError') return error;
  const code = systemCode(error) ?? '';
  const text = error instanceof Error ? error.message : String(error);
  const found = printable(redact(text), 500);
  if (TLS_CODES.test(code) || /certificate|TLS|SSL/i.test(text)) {
    return new AirgapError('CLUSTER_UNREACHABLE', `the TLS connection to ${server} fails`, {
      expected: 'a certificate that the CA of the kubeconfig signed for this name',
      found,
      cause: error,
      hint: 'check certificate-authority-data and tls-server-name of the context, and the clock of this machine',
    });
  }
  return new AirgapError('CLUSTER_UNREACHABLE', `the API server ${server} cannot be reached`, {
    found,
    cause: error,
  });
}

/** Managers and fields of a conflict of server-side apply. */
export function conflictsOf(status: KubeStatus): { readonly manager: string; readonly field: string }[] {
  return status.causes
    .filter((cause) => cause.reason === 'FieldManagerConflict')
    .map((cause) => ({
      manager: /conflict with "([^"]+)"/.exec(cause.message)?.[1] ?? cause.message,
      field: cause.field,
    }));
}

/** Reads an answer as a Status; what is none (a proxy's page) becomes one with its first words. */
export function readStatus(response: KubeResponse): KubeStatus {
  const after = retryAfter(response.headers['retry-after']);
  const base = { code: response.status, ...(after === undefined ? {} : { retryAfter: after }) };
  const text = response.body.subarray(0, 64 * 1024).toString('utf8');
  const parsed = parseObject(response.body);
  if (parsed?.['kind'] !== 'Status')
    return { ...base, reason: 'Unknown', message: clean(text, 300), causes: [] };
  const details = parsed['details'] as { causes?: readonly Partial<StatusCause>[] } | undefined;
  return {
    ...base,
    reason: clean(parsed['reason'], 100) || 'Unknown',
    message: clean(parsed['message'], 4000),
    causes: (Array.isArray(details?.causes) ? details.causes : []).slice(0, 500).map((cause) => ({
      reason: clean(cause.reason, 100),
      field: clean(cause.field, 500),
      message: clean(cause.message, 1000),
    })),
  };
}

/** Quotas, pod security and webhooks answer 403 too; only the authorizer speaks of who cannot do what. */
function isMissingRight(status: KubeStatus): boolean {
  return status.message === '' || /\bcannot \w+ (resource|path)\b|User "[^"]*" cannot/.test(status.message);
}

function causeFault(cause: StatusCause): Fault {
  return { where: cause.field || cause.reason || 'object', what: cause.message };
}

function retryAfter(header: string | string[] | undefined): number | undefined {
  const seconds = Number(Array.isArray(header) ? header[0] : header);
  return header !== undefined && Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function clean(value: unknown, limit: number): string {
  return typeof value === 'string' ? printable(redact(value), limit) : '';
}
