import { chartValue, documents } from '../text.js';
import { metadata, service, standardLabels, statefulSet } from '../workload.js';
import type { BackendContext } from './names.js';

/** The identity provider: StatefulSet keycloak with its two services, the same names in every era. */
export function keycloakTemplates({ era, parts }: BackendContext): Record<string, string> {
  const key = era.keys === 'global' ? 'keycloakx' : 'keycloak';
  const labels = standardLabels(era.subcharts === 'old' ? 'keycloak' : 'keycloakx');
  const set = statefulSet(
    {
      name: 'keycloak',
      labels,
      initContainers: [
        {
          name: 'keycloak-init',
          image: parts.keycloakInit,
          command: ['/bin/sh', '-c', 'echo theme copied'],
        },
      ],
      containers: [{ name: 'keycloak', image: parts.keycloak, port: 8080, env: environment(key) }],
    },
    { service: 'keycloak-headless' },
  );
  const secret = `
apiVersion: v1
kind: Secret
${metadata('keycloak-admin', labels)}
type: Opaque
data:
  password: {{ ${chartValue(key, 'adminPassword')} | b64enc | quote }}
`;
  return {
    'keycloak/statefulset.yaml': set,
    'keycloak/services.yaml': documents(
      service('keycloak-http', labels, { http: 80, https: 8443 }),
      service('keycloak-headless', labels, { http: 80 }, 'headless'),
    ),
    'keycloak/secret.yaml': secret,
  };
}

function environment(key: string): string {
  const existing =
    key === 'keycloakx'
      ? `{{ ${chartValue(key, 'existingSecret')} | default "keycloak-admin" }}`
      : 'keycloak-admin';
  return `
- name: KEYCLOAK_ADMIN
  value: {{ ${chartValue(key, 'adminUser')} | quote }}
- name: KEYCLOAK_ADMIN_PASSWORD
  valueFrom: { secretKeyRef: { name: ${existing}, key: password } }
`;
}
