import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FaultSite, Manifest } from './fault-site.js';

const PORT = 9443;

/** Lines of a real admission webhook on the node that refuses everything it is asked about. */
export function denyingWebhook(site: Pick<FaultSite, 'pki'>): string {
  return `
    import { readFileSync } from 'node:fs';
    import { createServer } from 'node:https';
    const pki = ${JSON.stringify(site.pki)};
    const tls = { cert: readFileSync(pki + '/registry.crt'), key: readFileSync(pki + '/registry.key') };
    createServer(tls, async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const { apiVersion, kind, request: { uid } } = JSON.parse(text);
      const status = { code: 403, message: 'the policy of the site says no' };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ apiVersion, kind, response: { uid, allowed: false, status } }));
    }).listen(${PORT}, '10.99.0.2', () => console.error('registry at the webhook'));`;
}

/** Asks it about the creation of a kind in a namespace, the cluster part's when none is named. */
export function askWebhook(
  site: Pick<FaultSite, 'pki'>,
  group: string,
  resource: string,
  namespace = 'runai',
): Manifest {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'policy' },
    webhooks: [
      {
        name: 'policy.example.com',
        failurePolicy: 'Fail',
        sideEffects: 'None',
        timeoutSeconds: 5,
        admissionReviewVersions: ['v1'],
        clientConfig: {
          url: `https://10.99.0.2:${PORT}/`,
          caBundle: Buffer.from(readFileSync(join(site.pki, 'ca.crt'))).toString('base64'),
        },
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        rules: [{ apiGroups: [group], apiVersions: ['v1'], operations: ['CREATE'], resources: [resource] }],
      },
    ],
  };
}
