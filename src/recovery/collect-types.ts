import type { Json } from './archive/types.js';

/** A small part that was read completely. */
export interface CollectedPart {
  /** Segments of the path; names of the site are made safe by archive/path.ts. */
  readonly path: readonly string[];
  readonly role: string;
  readonly meta?: { readonly [key: string]: Json | undefined };
  readonly content: string;
}
