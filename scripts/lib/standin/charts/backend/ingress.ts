import { chartValue, documents, indent, when } from '../text.js';
import { metadata, standardLabels } from '../workload.js';
import { type BackendContext, backendKeys, RELEASE } from './names.js';

const NAME = `${RELEASE}-ingress`;

/** The way in: an Ingress with its certificate, or a Route on OpenShift. */
export function ingressTemplates(context: BackendContext): Record<string, string> {
  const { openshift } = backendKeys(context.era);
  return {
    'ingress.yaml': when(`not ${openshift}`, ingress(context)),
    'route.yaml': when(openshift, route(context)),
    ...(context.era.tls === 'values' ? { 'https-secret.yaml': httpsSecret() } : {}),
  };
}

function ingress(context: BackendContext): string {
  const { domain } = backendKeys(context.era);
  const { className, tls } = ingressKeys(context);
  return `
apiVersion: networking.k8s.io/v1
kind: Ingress
${metadata(NAME, standardLabels('ingress'))}
  annotations:
    nginx.ingress.kubernetes.io/proxy-body-size: "0"
spec:
  ingressClassName: {{ ${className} }}
${indent(tls(domain), 2)}
  rules:
    - {{- with ${domain} }}
      host: {{ . }}
      {{- end }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: { service: { name: ${RELEASE}-frontend, port: { number: 8080 } } }
          - path: /api
            pathType: Prefix
            backend: { service: { name: ${RELEASE}-backend, port: { number: 7000 } } }
          - path: /auth
            pathType: Prefix
            backend: { service: { name: keycloak-http, port: { number: 80 } } }
`;
}

interface IngressKeys {
  readonly className: string;
  /** The tls block for a domain expression. */
  readonly tls: (domain: string) => string;
}

function ingressKeys({ era }: BackendContext): IngressKeys {
  const block = (secret: string) => (domain: string) =>
    `tls:\n  - secretName: ${secret}\n    {{- with ${domain} }}\n    hosts: [{{ . }}]\n    {{- end }}`;
  if (era.keys === 'global') {
    return {
      className: chartValue('global', 'ingress', 'ingressClass'),
      tls: block(`{{ ${chartValue('global', 'ingress', 'tlsSecretName')} }}`),
    };
  }
  if (era.tls === 'secret') return { className: '"nginx"', tls: block('runai-backend-tls') };
  const given = httpsGiven();
  return { className: '"nginx"', tls: (domain) => when(given, block(`${RELEASE}-https`)(domain)) };
}

function httpsGiven(): string {
  const [enabled, key, crt] = ['enabled', 'key', 'crt'].map((name) => chartValue('backend', 'https', name));
  return `and ${enabled} ${key} ${crt}`;
}

/** Up to 2.10 the certificate is in the values and the chart makes the secret. */
function httpsSecret(): string {
  return when(
    httpsGiven(),
    `
apiVersion: v1
kind: Secret
${metadata(`${RELEASE}-https`, standardLabels('ingress'))}
type: kubernetes.io/tls
data:
  tls.crt: {{ ${chartValue('backend', 'https', 'crt')} | b64enc | quote }}
  tls.key: {{ ${chartValue('backend', 'https', 'key')} | b64enc | quote }}
`,
  );
}

function route(context: BackendContext): string {
  const { domain } = backendKeys(context.era);
  const one = (name: string, path: string, target: string) => `
apiVersion: route.openshift.io/v1
kind: Route
${metadata(`${RELEASE}-${name}`, standardLabels('ingress'))}
spec:
  host: {{ ${domain} | quote }}
  path: ${path}
  to: { kind: Service, name: ${target} }
  tls: { termination: edge, insecureEdgeTerminationPolicy: Redirect }
`;
  return documents(
    one('ingress', '/', `${RELEASE}-frontend`),
    one('api', '/api', `${RELEASE}-backend`),
    one('auth', '/auth', 'keycloak-http'),
  );
}
