import { AirgapError } from '../errors.js';
import type { KubeObject } from '../kube/types.js';
import { backupRights, type Rights, type RightsFacts } from './schedule-rights.js';

/** What a scheduled backup is made from. */
export interface ScheduleRequest extends RightsFacts {
  readonly namespace: string;
  /** Five fields of cron, in the time of the cluster's controllers. */
  readonly cron: string;
  /** An image with airgap in it, or one that runs the executable on the claim. */
  readonly image: string;
  readonly pullSecret?: string;
  /** How airgap is started in that image. */
  readonly program: string;
  /** A claim that is there; else one of this size is made. */
  readonly claim: { readonly name: string } | { readonly size: string; readonly storageClass?: string };
  /** Further arguments of `backup create`: parts, ways, recipients, retention. */
  readonly args: readonly string[];
}

const NAME = 'airgap-backup';
const LABELS = { 'app.kubernetes.io/name': NAME, 'app.kubernetes.io/managed-by': 'airgap' };
const RBAC = 'rbac.authorization.k8s.io';
const OWN_CLAIM = 'airgap-backups';
/** Nobody in particular; OpenShift gives every namespace users of its own. */
const USER = 1001;
const DAY_SECONDS = 24 * 3600;

/**
 * The objects that back up every night: namespace, service account with the least rights, claim, CronJob. Pure.
 * @throws AirgapError USAGE for a schedule that is none, or ways that nobody should run unattended
 */
export function scheduleObjects(request: ScheduleRequest): KubeObject[] {
  demandUnattended(request);
  const { namespace } = request;
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: LABELS } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME, namespace, labels: LABELS } },
    ...backupRights(request).flatMap((rights) => rightsObjects(rights, namespace)),
    ...claimObjects(request),
    cronJob(request),
  ];
}

function demandUnattended({ cron, savings, choices }: ScheduleRequest): void {
  if (!/^(\S+\s+){4}\S+$/.test(cron.trim())) {
    throw new AirgapError('USAGE', `${cron} is no schedule`, {
      expected: 'five fields: minute, hour, day, month, weekday, such as "15 2 * * *"',
      found: cron,
    });
  }
  const { database, metrics } = savings;
  for (const [name, saving] of Object.entries({ database, metrics }))
    if (choices.has(name as 'database') && 'way' in saving && saving.way === 'cold-copy')
      throw new AirgapError('USAGE', 'a cold copy stops the product, and nobody watches a schedule', {
        expected: 'dump, copy or snapshot',
        found: `--${name}-as cold-copy`,
      });
}

function rightsObjects({ namespace, rules }: Rights, home: string): KubeObject[] {
  const place = namespace === undefined ? {} : { namespace };
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  const metadata = { name: NAME, ...place, labels: LABELS };
  return [
    { apiVersion: `${RBAC}/v1`, kind, metadata, rules },
    {
      apiVersion: `${RBAC}/v1`,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup: RBAC, kind, name: NAME },
      subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: home }],
    },
  ];
}

function claimObjects({ claim, namespace }: ScheduleRequest): KubeObject[] {
  if ('name' in claim) return [];
  const { size, storageClass } = claim;
  return [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: OWN_CLAIM, namespace, labels: LABELS },
      spec: {
        accessModes: ['ReadWriteOnce'],
        ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
        resources: { requests: { storage: size } },
      },
    },
  ];
}

function cronJob(request: ScheduleRequest): KubeObject {
  const { namespace, cron } = request;
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: NAME, namespace, labels: LABELS },
    spec: {
      schedule: cron.trim(),
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: 3600,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 7,
      jobTemplate: {
        metadata: { labels: LABELS },
        spec: {
          // A second try would hide that the first one failed.
          backoffLimit: 0,
          activeDeadlineSeconds: DAY_SECONDS,
          template: { metadata: { labels: LABELS }, spec: podSpec(request) },
        },
      },
    },
  };
}

function podSpec({ claim, image, pullSecret, program, platform, args }: ScheduleRequest) {
  const user = platform === 'openshift' ? {} : { runAsUser: USER, runAsGroup: USER, fsGroup: USER };
  const mount = (name: string, mountPath: string) => ({ name, mountPath });
  return {
    serviceAccountName: NAME,
    restartPolicy: 'Never',
    enableServiceLinks: false,
    securityContext: { runAsNonRoot: true, ...user, seccompProfile: { type: 'RuntimeDefault' } },
    ...(pullSecret === undefined ? {} : { imagePullSecrets: [{ name: pullSecret }] }),
    containers: [
      {
        name: 'backup',
        image,
        command: [program, 'backup', 'create', '--out', '/backups/', ...args],
        env: [
          { name: 'HOME', value: '/state' },
          // Locks of a pod that was killed must not stop the next one, so they go with it.
          { name: 'AIRGAP_STATE_DIR', value: '/state/airgap' },
        ],
        resources: { requests: { cpu: '200m', memory: '256Mi' }, limits: { memory: '512Mi' } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [mount('backups', '/backups'), mount('state', '/state'), mount('tmp', '/tmp')],
      },
    ],
    volumes: [
      { name: 'backups', persistentVolumeClaim: { claimName: 'name' in claim ? claim.name : OWN_CLAIM } },
      { name: 'state', emptyDir: {} },
      { name: 'tmp', emptyDir: {} },
    ],
  };
}
