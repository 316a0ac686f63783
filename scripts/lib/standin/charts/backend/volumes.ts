import type { ImageUse } from '../../images.js';
import { chartValue, documents, when } from '../text.js';
import { type Container, metadata, standardLabels } from '../workload.js';
import { type BackendContext, backendKeys } from './names.js';

/** An init container that gives a fresh volume to uid 1001 and leaves a used one as it is. */
export function ownerInit(
  name: string,
  image: ImageUse,
  volume: { readonly folder: string; readonly mode: string },
): Container {
  const { folder, mode } = volume;
  const script = `[ "$(stat -c %u ${folder})" = 1001 ] || { chown 1001:1001 ${folder} && chmod ${mode} ${folder}; }`;
  return {
    name,
    image,
    command: ['/bin/sh', '-ec', script],
    mounts: `- name: data\n  mountPath: ${folder}`,
    user: 0,
  };
}

/** The claims that charts up to 2.11 bring: pvc-postgresql and, but for OpenShift, pvc-thanos-receive. */
export function claimTemplates({ era }: BackendContext): Record<string, string> {
  if (era.volumes === 'statefulset') return {};
  const make = era.volumes === 'templates' ? ownedClaim : releasedClaim;
  return {
    'pvc-postgresql.yaml': make('pvc-postgresql', 'postgresql', ['postgresql', 'persistence']),
    'pvc-thanos-receive.yaml': when(
      `not ${backendKeys(era).openshift}`,
      make('pvc-thanos-receive', 'thanos', ['thanos', 'receive', 'persistence']),
    ),
  };
}

/** A claim in the release: an upgrade to a chart without it deletes it, and so does an uninstall. */
function ownedClaim(name: string, labels: string, path: readonly string[]): string {
  const server = chartValue(...path, 'nfs', 'server');
  return documents(
    `apiVersion: v1\nkind: PersistentVolumeClaim\n${metadata(name, standardLabels(labels))}\n${claimSpec(path)}`,
    when(server, nfsVolume(name, path)),
  );
}

/**
 * A claim made at the first install and in no release afterwards. It is a hook only while there is none: the
 * hook's own deletion policy would throw away a claim that a restore brought back.
 */
function releasedClaim(name: string, labels: string, path: readonly string[]): string {
  const lookup = `not (lookup "v1" "PersistentVolumeClaim" $.Release.Namespace "${name}")`;
  const hook = `
apiVersion: v1
kind: PersistentVolumeClaim
${metadata(name, standardLabels(labels))}
  annotations:
    helm.sh/hook: pre-install
    helm.sh/hook-delete-policy: hook-failed
    helm.sh/resource-policy: keep
${claimSpec(path)}`;
  return when(lookup, hook);
}

function claimSpec(path: readonly string[]): string {
  const storageClass = chartValue(...path, 'storageClassName');
  return `
spec:
  accessModes: [ReadWriteOnce]
  {{- with ${storageClass} }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests:
      storage: {{ ${chartValue(...path, 'size')} }}
`.trim();
}

/** The volume behind a claim when an NFS server was given to the values generator. */
function nfsVolume(name: string, path: readonly string[]): string {
  return `
apiVersion: v1
kind: PersistentVolume
metadata:
  name: ${name}
spec:
  accessModes: [ReadWriteOnce]
  capacity:
    storage: {{ ${chartValue(...path, 'size')} }}
  {{- with ${chartValue(...path, 'storageClassName')} }}
  storageClassName: {{ . }}
  {{- end }}
  claimRef:
    namespace: {{ $.Release.Namespace }}
    name: ${name}
  nfs:
    server: {{ ${chartValue(...path, 'nfs', 'server')} }}
    path: {{ ${chartValue(...path, 'nfs', 'path')} }}
`;
}
