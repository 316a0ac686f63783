import { documents } from '../text.js';
import { metadata, standardLabels } from '../workload.js';

/** The operator's role, and those that bindings of hand-made project namespaces refer to. */
const ROLES: Readonly<Record<string, string>> = {
  'runai-operator':
    '{ apiGroups: [run.ai], resources: [runaiconfigs, runaiconfigs/status], verbs: [get, patch] }',
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

/** Cluster roles, the operator's binding, and the service accounts that are there even when their Deployments are not. */
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
  const binding = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
${metadata('runai-operator', standardLabels('rbac'))}
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: runai-operator }
subjects:
  - { kind: ServiceAccount, name: runai-operator, namespace: {{ $.Release.Namespace }} }
`;
  const accounts = ACCOUNTS.map(
    (name) => `
apiVersion: v1
kind: ServiceAccount
${metadata(name, standardLabels('rbac'))}
`,
  );
  return {
    'clusterroles.yaml': documents(...roles, binding),
    'serviceaccounts.yaml': `{{- if not $.Values.standin.full }}\n${documents(...accounts)}{{- end }}\n`,
  };
}
