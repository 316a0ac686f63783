import { CLUSTER, type ObjectRef } from './names.js';
import type { Platform } from './platform.js';
import { SOURCES } from './sources.js';

/** A RoleBinding of a namespace that was made by hand; all refer to ClusterRoles. */
export interface BindingTemplate {
  readonly name: string;
  readonly clusterRole: string;
  /** Service account of runai, the namespace's own default account, or people added by hand. */
  readonly subject: { readonly account: string } | 'namespace-default' | 'by-hand';
  readonly platforms: readonly Platform[];
  /** First minor release without it. */
  readonly until?: number;
  readonly source: string;
}

const RBAC = 'rbac.authorization.k8s.io/v1';
const BOTH: readonly Platform[] = ['kubernetes', 'openshift'];
const source = SOURCES.projectPage;
const own = (name: string, account: string): BindingTemplate => ({
  name,
  clusterRole: name,
  subject: { account },
  platforms: BOTH,
  source,
});

export const BINDING_TEMPLATES: readonly BindingTemplate[] = [
  {
    name: 'runai-user-psp',
    clusterRole: 'use-runai-user-psp',
    subject: 'namespace-default',
    platforms: ['kubernetes'],
    until: 9,
    source,
  },
  {
    name: 'runai-user-job',
    clusterRole: 'runai-user-job',
    subject: 'namespace-default',
    platforms: ['openshift'],
    source,
  },
  own('runai-project-controller-project', 'runai-project-controller'),
  own('runai-job-controller-project', 'runai-job-controller'),
  own('runai-scheduler-rw', 'runai-scheduler'),
  own('runai-admission-controller-project', 'runai-admission-controller'),
  {
    name: 'researcher-service-rw',
    clusterRole: 'researcher-service',
    subject: { account: 'researcher-service' },
    platforms: BOTH,
    source,
  },
  {
    name: 'runai-job-executor-manual',
    clusterRole: 'runai-job-executor',
    subject: 'by-hand',
    platforms: BOTH,
    source,
  },
];

/** Objects outside of projects' namespaces that list people. */
export const PEOPLE_ELSEWHERE: readonly ObjectRef[] = [
  { apiVersion: RBAC, kind: 'ClusterRoleBinding', name: 'runai-job-viewer-manual' },
  {
    apiVersion: RBAC,
    kind: 'RoleBinding',
    namespace: CLUSTER.namespace,
    name: 'runai-cli-index-map-editor',
  },
];

/** The bindings that a hand-made namespace of a platform should have, for comparison with what was saved. */
export function bindingsOf(platform: Platform, minor: number): BindingTemplate[] {
  return BINDING_TEMPLATES.filter(
    (row) => row.platforms.includes(platform) && (row.until === undefined || minor < row.until),
  );
}
