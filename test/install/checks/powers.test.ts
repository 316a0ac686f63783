import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgePowers } from '../../../src/install/checks/powers.js';
import { demandNoFailure } from '../../../src/install/findings.js';
import { rendered } from './support.js';

const QUIET = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec: { template: { spec: { containers: [{ name: c, image: web }] } } }
---
apiVersion: batch/v1
kind: Job
metadata: { name: migrate, annotations: { helm.sh/hook: 'pre-install,pre-upgrade' } }
spec: { template: { spec: { containers: [{ name: c, image: web }] } } }
`;

const LOUD = `
apiVersion: v1
kind: ServiceAccount
metadata: { name: cleaner }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: cleaner }
rules:
  - { apiGroups: [''], resources: [pods], verbs: [get, list] }
  - { apiGroups: [''], resources: [persistentvolumeclaims, secrets], verbs: [delete] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: cleaner }
roleRef: { kind: Role, name: cleaner }
subjects: [{ kind: ServiceAccount, name: cleaner, namespace: runai-backend }]
---
apiVersion: batch/v1
kind: Job
metadata: { name: cleanup, annotations: { helm.sh/hook: 'pre-install,pre-upgrade' } }
spec: { template: { spec: { serviceAccountName: cleaner, containers: [{ name: c, image: web }] } } }
---
apiVersion: batch/v1
kind: Job
metadata: { name: farewell, annotations: { helm.sh/hook: pre-delete } }
spec: { template: { spec: { serviceAccountName: cleaner, containers: [{ name: c, image: web }] } } }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data, annotations: { helm.sh/hook: 'pre-install,pre-upgrade' } }
---
apiVersion: v1
kind: Secret
metadata: { name: kept, annotations: { helm.sh/hook: 'pre-install,pre-upgrade', helm.sh/hook-delete-policy: hook-failed } }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: operator }
roleRef: { kind: ClusterRole, name: cluster-admin }
subjects: [{ kind: ServiceAccount, name: operator, namespace: runai }]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: agent }
spec:
  template:
    spec:
      hostNetwork: true
      containers: [{ name: c, image: agent, securityContext: { privileged: true } }]
      volumes: [{ name: v, hostPath: { path: /var/lib/kubelet } }]
`;

test('threat 55: hooks that delete, cluster-admin and what reaches the nodes are shown, and block nothing', () => {
  const quiet = judgePowers([rendered(QUIET)]);
  assert.equal(quiet.outcome, 'pass', quiet.seen);
  const loud = judgePowers([rendered(LOUD)]);
  assert.equal(loud.outcome, 'warn');
  assert.deepEqual(loud.seen.split('; '), [
    'hook Job/cleanup (pre-install,pre-upgrade) may delete persistentvolumeclaims, secrets',
    'hook PersistentVolumeClaim/data (pre-install,pre-upgrade) is deleted when it is there, and made anew',
    'ClusterRoleBinding/operator makes operator cluster-admin',
    'DaemonSet/agent mounts /var/lib/kubelet of the node',
    'DaemonSet/agent is privileged',
    'DaemonSet/agent has hostNetwork',
  ]);
  demandNoFailure([loud]);
});

test('a hook that runs as cluster-admin may delete everything', () => {
  const binding = LOUD.replace('{ kind: Role, name: cleaner }', '{ kind: ClusterRole, name: cluster-admin }');
  assert.match(
    judgePowers([rendered(binding)]).seen,
    /Job\/cleanup .* may delete everything \(cluster-admin\)/,
  );
});
