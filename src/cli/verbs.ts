import type { Verb } from './context.js';

/** Every verb, in the order of the help. */
export const VERBS: readonly Verb[] = [];
