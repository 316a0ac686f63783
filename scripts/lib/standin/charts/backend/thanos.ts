import type { Era } from '../../eras.js';
import { chartValue, documents, when } from '../text.js';
import { service, standardLabels, statefulSet } from '../workload.js';
import { type BackendContext, backendKeys, RELEASE } from './names.js';
import { claimTemplate } from './postgresql.js';
import { ownerInit } from './volumes.js';

const NAME = `${RELEASE}-thanos-receive`;
const FOLDER = '/var/thanos/receive';
const PORTS = { grpc: 10901, http: 10902, 'remote-write': 19291 };
const CLAIM = ['thanos', 'receive', 'persistence'];

/** Makes the files of a first metric block on an empty volume, then serves; a used volume stays as it is. */
const SCRIPT = `
cd ${FOLDER}
if [ ! -e default-tenant ]; then
  rm -rf .first && mkdir -p .first/wal .first/01STANDIN0000000000000000A/chunks
  echo "samples of the first start" > .first/01STANDIN0000000000000000A/chunks/000001
  echo '{"version":1,"ulid":"01STANDIN0000000000000000A"}' > .first/01STANDIN0000000000000000A/meta.json
  mv .first default-tenant
fi
exec /entrypoint
`.trim();

/** The metrics store: StatefulSet with a volume, and its services; on OpenShift the platform keeps the metrics. */
export function thanosTemplates({ era, parts }: BackendContext): Record<string, string> {
  const labels = `${standardLabels('thanos')}\napp.kubernetes.io/component: receive`;
  const set = statefulSet(
    {
      name: NAME,
      labels,
      containers: [
        {
          name: 'receive',
          image: parts.thanos,
          command: ['/bin/sh', '-ec', SCRIPT],
          port: 10902,
          mounts: `- name: data\n  mountPath: ${FOLDER}`,
        },
      ],
      initContainers: [ownerInit('init-chmod-data', parts.shell.thanos, { folder: FOLDER, mode: '0755' })],
      ...volumes(era),
    },
    { service: `${NAME}-headless`, ...claims(era) },
  );
  const services = documents(
    service(NAME, labels, PORTS),
    service(`${NAME}-headless`, labels, PORTS, 'headless'),
  );
  const elsewhere = `not ${backendKeys(era).openshift}`;
  return {
    'thanos/statefulset.yaml': when(elsewhere, set),
    'thanos/services.yaml': when(elsewhere, services),
  };
}

function volumes(era: Era): { volumes: string } {
  if (era.volumes === 'statefulset') {
    const existing = chartValue(...CLAIM, 'existingClaim');
    return {
      volumes: when(existing, `- name: data\n  persistentVolumeClaim: { claimName: {{ ${existing} }} }`),
    };
  }
  return { volumes: '- name: data\n  persistentVolumeClaim: { claimName: pvc-thanos-receive }' };
}

function claims(era: Era): { claims?: string } {
  return era.volumes === 'statefulset' ? { claims: claimTemplate(CLAIM) } : {};
}
