import type { Verb } from './context.js';
import { registryVerb } from './registry.js';

/** Every verb, in the order of the help. */
export const VERBS: readonly Verb[] = [registryVerb];
