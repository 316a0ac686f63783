import { backupVerb } from './backup.js';
import { completionVerb } from './completion.js';
import type { Verb } from './context.js';
import { diffVerb } from './diff.js';
import { imagesVerb } from './images.js';
import { inspectVerb } from './inspect.js';
import { installVerb } from './install.js';
import { keygenVerb } from './keygen.js';
import { packVerb } from './pack.js';
import { preflightVerb } from './preflight.js';
import { pushVerb } from './push.js';
import { registryVerb } from './registry.js';
import { restoreVerb } from './restore.js';
import { rollbackVerb } from './rollback.js';
import { signVerb } from './sign.js';
import { statusVerb } from './status.js';
import { verifyVerb } from './verify.js';

/** Every verb, in the order of the help. */
export const VERBS: readonly Verb[] = [
  packVerb,
  imagesVerb,
  verifyVerb,
  inspectVerb,
  diffVerb,
  keygenVerb,
  signVerb,
  pushVerb,
  preflightVerb,
  installVerb,
  statusVerb,
  rollbackVerb,
  backupVerb,
  restoreVerb,
  registryVerb,
  completionVerb,
];
