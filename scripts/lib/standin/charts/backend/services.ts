import type { Service } from '../../catalog/service.js';
import type { ImageUse } from '../../images.js';
import { chartValue, documents, when } from '../text.js';
import { type Container, deployment, metadata, service, standardLabels } from '../workload.js';
import { type BackendContext, backendKeys, RELEASE } from './names.js';

/** One Deployment and Service a row of the table, and the secret of Grafana's database role. */
export function serviceTemplates(context: BackendContext): Record<string, string> {
  const files: Record<string, string> = {};
  for (const row of context.services) {
    const template = documents(serviceDeployment(row, context), rowService(row));
    files[`${row.name}.yaml`] = row.full ? when('$.Values.standin.full', template) : template;
  }
  files['grafana-db-secret.yaml'] = grafanaSecret(context);
  return files;
}

function serviceDeployment(row: Service, context: BackendContext): string {
  const fault = row.name === 'backend' ? context.fault : undefined;
  const labels = standardLabels(row.name);
  const main: Container = {
    name: row.name,
    image: fault === 'missing-image' ? missing(row.use) : row.use,
    port: row.port,
    ...(row.name === 'backend' ? { env: backendEnvironment(context) } : {}),
    ...(row.name === 'backend' && context.era.keys === 'global' ? { mounts: CA_MOUNT } : {}),
    ...(fault === 'crash' ? { command: ['/bin/sh', '-c', 'echo cannot start; exit 1'] } : {}),
    ...(fault === 'unready' ? { probe: 'exec: { command: ["/bin/false"] }\nperiodSeconds: 3' } : {}),
  };
  const sidecar = row.sidecar ? [{ name: `${row.name}-proxy`, image: row.sidecar, port: 8090 }] : [];
  return deployment({
    name: `${RELEASE}-${row.name}`,
    labels: fault === 'immutable' ? `${labels}\napp.kubernetes.io/component: other` : labels,
    containers: [main, ...sidecar],
    ...(row.name === 'backend' && context.era.keys === 'global' ? { volumes: CA_VOLUME } : {}),
  });
}

/** The site's own certificate authority, from the secret that the operator must have made. */
const CA_VOLUME = when(
  '$.Values.global.customCA.enabled',
  '- name: ca\n  secret: { secretName: runai-ca-cert, items: [{ key: runai-ca.pem, path: runai-ca.pem }] }',
);
const CA_MOUNT = when('$.Values.global.customCA.enabled', '- name: ca\n  mountPath: /etc/runai/ca');

/** The same way of naming an image, for one that nobody makes. */
export function missing(use: ImageUse): ImageUse {
  return { ...use, key: ['missing', 'image'], image: { ...use.image, name: 'missing' } };
}

function rowService(row: Service): string {
  return service(`${RELEASE}-${row.name}`, standardLabels(row.name), { http: row.port });
}

function backendEnvironment({ era }: BackendContext): string {
  const keys = backendKeys(era);
  const registry =
    era.keys === 'global'
      ? chartValue('backend', 'config', 'privateRegistryAddress')
      : chartValue('backend', 'privateRegistryAddress');
  return `
- name: DOMAIN
  value: {{ ${keys.domain} | quote }}
- name: PRIVATE_REGISTRY_ADDRESS
  value: {{ ${registry} | quote }}
- name: LOG_LEVEL
  value: {{ ${chartValue('backend', 'logLevel')} | quote }}
`;
}

function grafanaSecret({ era }: BackendContext): string {
  return `
apiVersion: v1
kind: Secret
${metadata(`${RELEASE}-grafana-db`, standardLabels('grafana'))}
type: Opaque
data:
  password: {{ ${backendKeys(era).grafanaPassword} | b64enc | quote }}
`;
}
