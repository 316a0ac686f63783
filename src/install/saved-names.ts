/** Name under which a run keeps the complete values of a release, as JSON. */
export function valuesName(release: string): string {
  return `values/${release}.json`;
}
