/** Bytes as people write them. */
export function formatGb(bytes: number): string {
  if (bytes < 1e8) return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
  return `${(bytes / 1e9).toFixed(bytes < 1e10 ? 1 : 0)} GB`;
}
