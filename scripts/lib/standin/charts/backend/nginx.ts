import { documents, indent, when } from '../text.js';
import { deployment, metadata, podTemplate, service, standardLabels } from '../workload.js';
import { type BackendContext, RELEASE } from './names.js';

const NAME = `${RELEASE}-nginx-ingress-controller`;
const ADMISSION = `${RELEASE}-nginx-ingress-admission`;
const ENABLED = '(index $.Values "nginx-ingress").enabled';

/** The subchart changed with 2.6: its Deployment's selector is another one. */
const OLD_LABELS = 'app: nginx-ingress\nrelease: {{ $.Release.Name }}';

/** The NGINX that control planes up to 2.8 bring, with the two objects that belong to the whole cluster. */
export function nginxTemplates({ parts, version }: BackendContext): Record<string, string> {
  if (!parts.nginx || !parts.certgen) return {};
  const labels = version.minor <= 5 ? OLD_LABELS : standardLabels('nginx-ingress');
  const controller = deployment({
    name: NAME,
    labels,
    containers: [{ name: 'controller', image: parts.nginx, port: 8080 }],
  });
  const certgen = podTemplate({
    name: `${ADMISSION}-create`,
    labels: standardLabels('nginx-ingress-admission'),
    containers: [{ name: 'create', image: parts.certgen }],
  });
  return {
    'nginx-ingress/controller.yaml': when(
      ENABLED,
      documents(
        controller,
        controllerService(labels),
        service(`${NAME}-admission`, labels, { 'https-webhook': 443 }),
      ),
    ),
    'nginx-ingress/ingressclass.yaml': when(ENABLED, ingressClass(labels)),
    'nginx-ingress/admission.yaml': when(ENABLED, webhook(labels)),
    'nginx-ingress/job-create-secret.yaml': when(ENABLED, certgenJob(certgen)),
  };
}

function controllerService(labels: string): string {
  return `
apiVersion: v1
kind: Service
${metadata(NAME, labels)}
spec:
  type: ClusterIP
  {{- with (index $.Values "nginx-ingress").controller.service.externalIPs }}
  externalIPs: {{ . | toJson }}
  {{- end }}
  ports:
    - { name: http, port: 80, targetPort: http }
    - { name: https, port: 443, targetPort: http }
  selector:
${indent(labels, 4)}
`;
}

function ingressClass(labels: string): string {
  return `
apiVersion: networking.k8s.io/v1
kind: IngressClass
${metadata('nginx', labels)}
spec:
  controller: k8s.io/ingress-nginx
`;
}

/**
 * Fails closed like the real one, but is asked only about namespaces with a label that nobody sets by accident:
 * nothing answers behind it.
 */
function webhook(labels: string): string {
  return `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
${metadata(ADMISSION, labels)}
webhooks:
  - name: validate.nginx.ingress.kubernetes.io
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Fail
    timeoutSeconds: 2
    matchPolicy: Equivalent
    namespaceSelector:
      matchLabels: { standin.run.ai/nginx-admission: "on" }
    rules:
      - apiGroups: [networking.k8s.io]
        apiVersions: [v1]
        operations: [CREATE, UPDATE]
        resources: [ingresses]
    clientConfig:
      service:
        namespace: {{ $.Release.Namespace }}
        name: ${NAME}-admission
        path: /networking/v1/ingresses
`;
}

function certgenJob(pod: string): string {
  return `
apiVersion: batch/v1
kind: Job
metadata:
  name: ${ADMISSION}-create
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  template:
${indent(pod, 4)}
      restartPolicy: OnFailure
`;
}
