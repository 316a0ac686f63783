import { chartValue, documents, when } from '../text.js';
import { metadata, standardLabels } from '../workload.js';
import type { ClusterContext } from './names.js';

/** The RunaiConfig object, runai-public, priority classes and, where its CRD is, the Prometheus object. */
export function configTemplates(context: ClusterContext): Record<string, string> {
  return {
    'runaiconfig.yaml': runaiConfig(context),
    'runai-public.yaml': publicMap(context),
    'priorityclasses.yaml': documents(...PRIORITIES.map(priorityClass)),
    'prometheus.yaml': when(
      '$.Capabilities.APIVersions.Has "monitoring.coreos.com/v1/Prometheus"',
      PROMETHEUS,
    ),
    ...(context.era.clusterKeys === 'global' ? { 'control-plane-secret.yaml': controlPlaneSecret() } : {}),
  };
}

/** The operator's input. Its CRD must be there before the chart. */
function runaiConfig({ era }: ClusterContext): string {
  const config =
    era.clusterKeys === 'global'
      ? chartValue('clusterConfig')
      : '(omit (index $.Values "runai-operator").config "image")';
  const finalizer = [
    '{{- if $.Values.standin.runaiconfigFinalizer }}',
    '  finalizers: [run.ai/runaiconfig]',
    '{{- end }}',
  ].join('\n');
  return `
apiVersion: run.ai/v1
kind: RunaiConfig
${metadata('runai', standardLabels('runaiconfig'))}
${finalizer}
spec:
  {{- ${config} | toYaml | nindent 2 }}
`;
}

function publicMap({ version }: ClusterContext): string {
  return `
apiVersion: v1
kind: ConfigMap
${metadata('runai-public', standardLabels('runai-public'))}
data:
  cluster-version: ${JSON.stringify(version.text)}
  dependencies.required: "{}"
`;
}

const PRIORITIES = [
  { name: 'build', value: 100 },
  { name: 'interactive-preemptible', value: 75 },
  { name: 'train', value: 50 },
  { name: 'runai-critical', value: 1_000_000 },
] as const;

function priorityClass({ name, value }: (typeof PRIORITIES)[number]): string {
  return `
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
${metadata(name, standardLabels('priorityclass'))}
value: ${value}
globalDefault: false
`;
}

const PROMETHEUS = `
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
${metadata('runai', standardLabels('prometheus'))}
spec:
  replicas: 1
`;

function controlPlaneSecret(): string {
  return `
apiVersion: v1
kind: Secret
${metadata('runai-cluster-control-plane', standardLabels('control-plane'))}
type: Opaque
data:
  url: {{ ${chartValue('controlPlane', 'url')} | b64enc | quote }}
  clientSecret: {{ ${chartValue('controlPlane', 'clientSecret')} | b64enc | quote }}
  uid: {{ ${chartValue('cluster', 'uid')} | b64enc | quote }}
`;
}
