/** `runai-6f0d9f3e-20261121T101500Z.backup`: cluster and time (milliseconds since the epoch), sorts by time. */
export function makeBackupName(clusterUid: string, now: number): string {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '');
  return `runai-${clusterUid.replace(/[^A-Za-z0-9]/g, '').slice(0, 8)}-${time}.backup`;
}
