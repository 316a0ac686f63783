import { isAbsolute, join } from 'node:path';
import { AirgapError } from '../errors.js';

/**
 * The folder of everything that must outlive a run: AIRGAP_STATE_DIR, else airgap/ in the XDG state folder.
 * @throws AirgapError USAGE when neither it nor HOME is set
 */
export function stateRoot(env: Readonly<Record<string, string | undefined>>): string {
  const own = env['AIRGAP_STATE_DIR'];
  if (own) return checked(own, 'AIRGAP_STATE_DIR');
  const xdg = env['XDG_STATE_HOME'];
  if (xdg && isAbsolute(xdg)) return join(xdg, 'airgap');
  const home = env['HOME'];
  if (home) return join(checked(home, 'HOME'), '.local', 'state', 'airgap');
  throw new AirgapError('USAGE', 'there is no place for the record of runs', {
    expected: 'HOME, XDG_STATE_HOME or AIRGAP_STATE_DIR',
    found: 'none of them in the environment',
    hint: 'set AIRGAP_STATE_DIR to a folder that survives a reboot',
  });
}

/** What a run did, as a page and for programs; both lie in its folder. */
export const REPORT_PAGE = 'report.html';
export const REPORT_JSON = 'report.json';

/** Folder of the runs on one cluster. */
export function runsFolder(root: string, clusterUid: string): string {
  return join(root, 'runs', folderName(clusterUid));
}

/** Folder of the locks of one cluster. */
export function locksFolder(root: string, clusterUid: string): string {
  return join(root, 'locks', folderName(clusterUid));
}

function checked(path: string, name: string): string {
  if (isAbsolute(path)) return path;
  throw new AirgapError('USAGE', `${name} is not an absolute path`, {
    expected: 'an absolute path',
    found: path,
  });
}

/** A cluster's UID comes from its API server: nothing but the grammar of a UID may become a folder. */
function folderName(clusterUid: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/.test(clusterUid)) return clusterUid;
  throw new AirgapError('CLUSTER_CONFIG', 'the UID of the cluster is not well formed', {
    expected: 'letters, digits and dashes',
    found: clusterUid,
  });
}
