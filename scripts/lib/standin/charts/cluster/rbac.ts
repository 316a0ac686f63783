import { documents } from '../text.js';
import { metadata, standardLabels } from '../workload.js';

/** Cluster roles that role bindings of hand-made project namespaces refer to, and what each may do there. */
const ROLES: Readonly<Record<string, string>> = {
  'runai-project-controller-project':
    '{ apiGroups: ["rbac.authorization.k8s.io"], resources: [rolebindings], verbs: [get, list, watch] }',
  'runai-job-controller-project':
    '{ apiGroups: [""], resources: [pods], verbs: [get, list, watch, create, delete] }',
  'runai-scheduler-rw': '{ apiGroups: [""], resources: [pods], verbs: [get, list, watch, update] }',
  'runai-admission-controller-project': '{ apiGroups: [""], resources: [pods], verbs: [get, list] }',
  'researcher-service': '{ apiGroups: [run.ai], resources: [runaijobs], verbs: ["*"] }',
  'runai-job-executor': '{ apiGroups: [run.ai], resources: [runaijobs], verbs: [create, delete, get, list] }',
};

/** Service accounts that those bindings name and that no Deployment of a small cluster brings. */
const ACCOUNTS = ['runai-job-controller', 'runai-admission-controller', 'researcher-service'] as const;

/** Cluster roles, and the service accounts that are there even when their Deployments are not. */
export function rbacTemplates(): Record<string, string> {
  const roles = Object.entries(ROLES).map(
    ([name, rule]) => `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
${metadata(name, standardLabels('rbac'))}
rules:
  - ${rule}
`,
  );
  const accounts = ACCOUNTS.map(
    (name) => `
apiVersion: v1
kind: ServiceAccount
${metadata(name, standardLabels('rbac'))}
`,
  );
  return {
    'clusterroles.yaml': documents(...roles),
    'serviceaccounts.yaml': `{{- if not $.Values.standin.full }}\n${documents(...accounts)}{{- end }}\n`,
  };
}
