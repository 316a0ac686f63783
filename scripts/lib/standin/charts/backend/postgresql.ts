import type { Era } from '../../eras.js';
import { chartValue, documents, when } from '../text.js';
import { metadata, service, standardLabels, statefulSet } from '../workload.js';
import { type BackendContext, backendKeys, RELEASE } from './names.js';
import { ownerInit } from './volumes.js';

const NAME = `${RELEASE}-postgresql`;

/** Secret, services and StatefulSet of the database. */
export function postgresqlTemplates({ version, era, parts }: BackendContext): Record<string, string> {
  const labels = podLabels(era);
  const headless = era.subcharts === 'old' ? `${NAME}-headless` : `${NAME}-hl`;
  const container = {
    name: 'postgresql',
    image: parts.postgresql,
    env: environment(era, version.text),
    mounts: '- name: data\n  mountPath: /bitnami/postgresql',
    probe: LOGIN_PROBE,
  };
  const set = statefulSet(
    {
      name: NAME,
      labels,
      containers: [container],
      initContainers: [
        ownerInit('init-chmod-data', parts.shell.postgresql, { folder: '/bitnami/postgresql', mode: '0700' }),
      ],
      grace: 30,
      ...volumes(era),
    },
    { service: headless, ...claims(era) },
  );
  return {
    'postgresql/statefulset.yaml': enabled(era, set),
    'postgresql/services.yaml': enabled(
      era,
      documents(service(NAME, labels, { tcp: 5432 }), service(headless, labels, { tcp: 5432 }, 'headless')),
    ),
    'postgresql/secret.yaml': enabled(era, secret(era)),
  };
}

/** From 2.12 on the database may be the customer's own. */
function enabled(era: Era, template: string): string {
  return era.keys === 'global' ? when(chartValue('postgresql', 'enabled'), template) : template;
}

function podLabels(era: Era): string {
  const role = era.subcharts === 'old' ? 'role: primary' : 'app.kubernetes.io/component: primary';
  return `${standardLabels('postgresql')}\n${role}`;
}

/**
 * A login with both passwords of the secret. The stand-ins of the other services do not open the database, so this
 * is where a secret that does not fit the data shows.
 */
const LOGIN_PROBE = `
exec:
  command:
    - /bin/sh
    - -ec
    - |
      PGPASSWORD="$POSTGRES_PASSWORD" psql -h 127.0.0.1 -U "$POSTGRES_USER" -d postgres -Atqc 'SELECT 1'
      PGPASSWORD="$POSTGRES_POSTGRES_PASSWORD" psql -h 127.0.0.1 -U postgres -d postgres -Atqc 'SELECT 1'
periodSeconds: 3
timeoutSeconds: 10
`;

function environment(era: Era, version: string): string {
  const keys = backendKeys(era);
  const { password, superuser } = secretKeys(era);
  const name = `{{ include "runai.postgresql.secret" $ }}`;
  return `
- name: POSTGRES_USER
  value: {{ ${keys.databaseUser} | quote }}
- name: POSTGRES_DB
  value: {{ ${keys.databaseName} | quote }}
- name: POSTGRES_PASSWORD
  valueFrom: { secretKeyRef: { name: ${name}, key: ${password} } }
- name: POSTGRES_POSTGRES_PASSWORD
  valueFrom: { secretKeyRef: { name: ${name}, key: ${superuser} } }
- name: GRAFANA_DB_USER
  value: {{ ${keys.grafanaUser} | quote }}
- name: GRAFANA_DB_PASSWORD
  valueFrom: { secretKeyRef: { name: ${RELEASE}-grafana-db, key: password } }
- name: PRODUCT_VERSION
  value: ${JSON.stringify(version)}
`;
}

function secretKeys(era: Era): { password: string; superuser: string } {
  return era.subcharts === 'old'
    ? { password: 'postgresql-password', superuser: 'postgresql-postgres-password' }
    : { password: 'password', superuser: 'postgres-password' };
}

/** The secret; the new subchart keeps what a live one holds and stops when its keys are the old ones. */
function secret(era: Era): string {
  const { password, superuser } = secretKeys(era);
  const given = passwordValues(era);
  const body = (first: string, second: string) => `
apiVersion: v1
kind: Secret
${metadata(NAME, standardLabels('postgresql'))}
type: Opaque
data:
  ${password}: ${first}
  ${superuser}: ${second}
`;
  if (era.subcharts === 'old') {
    return body(`{{ ${given.password} | b64enc | quote }}`, `{{ ${given.superuser} | b64enc | quote }}`);
  }
  const live = `{{- $live := (lookup "v1" "Secret" $.Release.Namespace (printf "%s-postgresql" $.Release.Name)).data }}
{{- range list "${password}" "${superuser}" }}
{{- if and $live (not (hasKey $live .)) }}
{{- fail (printf "PASSWORDS ERROR: secret %s-postgresql has no key %s" $.Release.Name .) }}
{{- end }}
{{- end }}`;
  const either = (key: string, value: string) =>
    `{{ if $live }}{{ index $live "${key}" | quote }}{{ else }}{{ ${value} | b64enc | quote }}{{ end }}`;
  const made = `${live}${body(either(password, given.password), either(superuser, given.superuser))}`;
  return era.keys === 'global'
    ? when(`not ${chartValue('global', 'postgresql', 'auth', 'existingSecret')}`, made)
    : made;
}

function passwordValues(era: Era): { password: string; superuser: string } {
  if (era.subcharts === 'old') {
    return {
      password: chartValue('postgresql', 'postgresqlPassword'),
      superuser: chartValue('postgresql', 'postgresqlPostgresPassword'),
    };
  }
  const path = era.keys === 'global' ? ['global', 'postgresql', 'auth'] : ['postgresql', 'auth'];
  return { password: chartValue(...path, 'password'), superuser: chartValue(...path, 'postgresPassword') };
}

/** The name of the secret that the pod reads, as a named template. */
export function postgresqlHelper(era: Era): string {
  const own = '{{ printf "%s-postgresql" $.Release.Name }}';
  const existing = chartValue('global', 'postgresql', 'auth', 'existingSecret');
  const name = era.keys === 'global' ? `{{ with ${existing} }}{{ . }}{{ else }}${own}{{ end }}` : own;
  return `{{- define "runai.postgresql.secret" -}}\n${name}\n{{- end }}\n`;
}

const CLAIM = ['postgresql', 'primary', 'persistence'];

function volumes(era: Era): { volumes: string } {
  if (era.volumes === 'statefulset') {
    const existing = chartValue(...CLAIM, 'existingClaim');
    return {
      volumes: when(existing, `- name: data\n  persistentVolumeClaim: { claimName: {{ ${existing} }} }`),
    };
  }
  return { volumes: '- name: data\n  persistentVolumeClaim: { claimName: pvc-postgresql }' };
}

function claims(era: Era): { claims?: string } {
  return era.volumes === 'statefulset' ? { claims: claimTemplate(CLAIM) } : {};
}

/** `volumeClaimTemplates` with one claim called data, unless an existing claim is named. */
export function claimTemplate(path: readonly string[]): string {
  return when(
    `not ${chartValue(...path, 'existingClaim')}`,
    `
volumeClaimTemplates:
  - metadata:
      name: data
    spec:
      accessModes: [ReadWriteOnce]
      {{- with ${chartValue(...path, 'storageClass')} }}
      storageClassName: {{ . }}
      {{- end }}
      resources:
        requests:
          storage: {{ ${chartValue(...path, 'size')} }}
`,
  );
}
