/** What can be made wrong on purpose. */
export const FAULTS = {
  'missing-image': 'a Deployment names an image that is nowhere',
  collision: 'two images that get the same name in a flat registry',
  crash: 'the backend ends with an error as soon as it starts',
  unready: 'the backend runs and never becomes ready',
  immutable: 'the selector of the backend Deployment differs from every other version',
} as const;

export type Fault = keyof typeof FAULTS;

/** Reads the name of a fault. */
export function parseFault(text: string): Fault {
  if (text in FAULTS) return text as Fault;
  throw new Error(`--broken ${text}: no such fault; there are ${Object.keys(FAULTS).join(', ')}`);
}
