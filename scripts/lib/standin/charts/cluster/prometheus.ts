import { documents } from '../text.js';
import { metadata, standardLabels } from '../workload.js';
import type { ClusterContext } from './names.js';

/**
 * Traces of the Prometheus that cluster charts up to 2.8 bring. The services that its operator makes while it
 * runs are hooks here: in no release, without Helm's marks, and still there after an uninstall.
 */
export function prometheusTemplates({ era }: ClusterContext): Record<string, string> {
  if (era.subcharts !== 'old') return {};
  return {
    'kube-prometheus-stack/namespace.yaml': NAMESPACE,
    'kube-prometheus-stack/prometheus-service.yaml': PROMETHEUS_SERVICE,
    'kube-prometheus-stack/kubelet-service.yaml': KUBELET_SERVICE,
    'operator-leftovers.yaml': documents(WEBHOOK, ROLE, ROLE_BINDING),
  };
}

const HOOK = `  annotations:
    helm.sh/hook: post-install,post-upgrade
    helm.sh/hook-delete-policy: before-hook-creation`;

/** Only where nobody else made the namespace. */
const NAMESPACE = `
{{- $live := lookup "v1" "Namespace" "" "monitoring" }}
{{- $owner := dig "metadata" "annotations" "meta.helm.sh/release-name" "" $live }}
{{- if or (not $live) (eq $owner $.Release.Name) }}
apiVersion: v1
kind: Namespace
${metadata('monitoring', standardLabels('kube-prometheus-stack'))}
{{- end }}
`;

const PROMETHEUS_SERVICE = `
apiVersion: v1
kind: Service
${metadata('{{ $.Release.Name }}-kube-prometh-prometheus', standardLabels('kube-prometheus-stack'))}
  namespace: monitoring
spec:
  ports:
    - { name: http-web, port: 9090 }
  selector: { prometheus: runai }
`;

const KUBELET_SERVICE = `
apiVersion: v1
kind: Service
metadata:
  name: {{ $.Release.Name }}-kube-prometh-kubelet
  namespace: kube-system
  labels:
    app.kubernetes.io/managed-by: prometheus-operator
    app.kubernetes.io/name: kubelet
    k8s-app: kubelet
${HOOK}
spec:
  clusterIP: None
  ports:
    - { name: https-metrics, port: 10250 }
    - { name: http-metrics, port: 10255 }
    - { name: cadvisor, port: 4194 }
`;

/** The operator's own webhook; it is asked only about namespaces with a label that nobody sets by accident. */
const WEBHOOK = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: runai-admission-controller
  labels: { app: runai }
${HOOK}
webhooks:
  - name: admission.run.ai
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Fail
    timeoutSeconds: 2
    namespaceSelector:
      matchLabels: { standin.run.ai/admission: "on" }
    rules:
      - apiGroups: [""]
        apiVersions: [v1]
        operations: [CREATE]
        resources: [pods]
    clientConfig:
      service: { namespace: {{ $.Release.Namespace }}, name: runai-admission-controller, path: /validate }
`;

const ROLE = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: runai-cli-index-map-editor
  namespace: {{ $.Release.Namespace }}
  labels: { app: runai }
${HOOK}
rules:
  - { apiGroups: [""], resources: [configmaps], verbs: [get, list, patch] }
`;

const ROLE_BINDING = `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: runai-cli-index-map-editor
  namespace: {{ $.Release.Namespace }}
  labels: { app: runai }
${HOOK}
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: runai-cli-index-map-editor }
subjects:
  - { kind: ServiceAccount, name: researcher-service, namespace: {{ $.Release.Namespace }} }
`;
