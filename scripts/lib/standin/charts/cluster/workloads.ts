import { documents, when } from '../text.js';
import { daemonSet, deployment, metadata, service } from '../workload.js';
import { type ClusterContext, clusterLabels } from './names.js';

/** One Deployment and ServiceAccount a row of the table, and the two DaemonSets. */
export function workloadTemplates(context: ClusterContext): Record<string, string> {
  const files: Record<string, string> = {};
  for (const { name, port, use, full } of context.services) {
    const labels = clusterLabels(context, name);
    const workload = deployment({
      name,
      labels,
      serviceAccount: name,
      containers: [{ name, image: use, port, ...(name === 'runai-operator' ? OPERATOR : {}) }],
    });
    const template = documents(serviceAccount(name, labels), workload, service(name, labels, { http: port }));
    files[`${name}.yaml`] = full ? when('$.Values.standin.full', template) : template;
  }
  return { ...files, ...daemonSets(context) };
}

/** The one stand-in that talks to the API server. */
const OPERATOR = {
  command: ['/operator'],
  env: `
- name: NAMESPACE
  value: {{ $.Release.Namespace }}
- name: HOST_IP
  valueFrom: { fieldRef: { fieldPath: status.hostIP } }
`,
};

function serviceAccount(name: string, labels: string): string {
  return `
apiVersion: v1
kind: ServiceAccount
${metadata(name, labels)}
`;
}

function daemonSets(context: ClusterContext): Record<string, string> {
  const exporter = daemonSet({
    name: 'runai-node-exporter',
    labels: clusterLabels(context, 'runai-node-exporter'),
    containers: [{ name: 'node-exporter', image: context.parts.nodeExporter, port: 9100 }],
  });
  const toolkit = daemonSet({
    name: 'runai-container-toolkit',
    labels: clusterLabels(context, 'runai-container-toolkit'),
    nodeSelector: 'nvidia.com/gpu.present: "true"',
    containers: [{ name: 'toolkit', image: context.parts.containerToolkit, port: 8080 }],
  });
  return { 'runai-node-exporter.yaml': exporter, 'runai-container-toolkit.yaml': toolkit };
}
