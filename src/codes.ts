import { CLUSTER_CODES } from './codes/cluster.js';
import { INTEGRITY_CODES } from './codes/integrity.js';
import { INVALID_CODES } from './codes/invalid.js';
import { REGISTRY_CODES } from './codes/registry.js';
import { RUN_CODES } from './codes/run.js';
import { USAGE_CODES } from './codes/usage.js';

export { EXIT, type ExitStatus } from './codes/row.js';

/**
 * Every code that a user can meet, one file per kind below codes/. Closed: a code that is not here does not
 * compile. docs/errors.md is generated from it.
 */
export const CODES = {
  ...USAGE_CODES,
  ...INVALID_CODES,
  ...INTEGRITY_CODES,
  ...REGISTRY_CODES,
  ...CLUSTER_CODES,
  ...RUN_CODES,
} as const;

export type ErrorCode = keyof typeof CODES;
