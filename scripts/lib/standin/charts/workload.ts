import type { ImageUse } from '../images.js';
import { chartValue, indent } from './text.js';

/** The pod template's parts that differ between stand-ins. */
export interface Container {
  readonly name: string;
  readonly image: ImageUse;
  readonly port?: number;
  /** YAML list items for `env`. */
  readonly env?: string;
  readonly command?: readonly string[];
  /** YAML list items for `volumeMounts`. */
  readonly mounts?: string;
  /** YAML of the readiness probe; a request to the port when absent. */
  readonly probe?: string;
  /** Numeric; 1001 when absent. */
  readonly user?: number;
}

export interface Workload {
  readonly name: string;
  /** Labels that select the pods, as YAML. */
  readonly labels: string;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  /** YAML list items for `volumes`. */
  readonly volumes?: string;
  readonly serviceAccount?: string;
  readonly nodeSelector?: string;
  readonly grace?: number;
}

/** The labels of a stand-in's pods, and of the objects around them. */
export function standardLabels(name: string): string {
  return `app.kubernetes.io/name: ${name}\napp.kubernetes.io/instance: {{ $.Release.Name }}`;
}

/** The expression that renders an image reference. */
export function imageRef(use: ImageUse): string {
  return `{{ include "runai.image.${use.style}" (dict "image" ${chartValue(...use.key)} "root" $) }}`;
}

/** A Deployment with one replica. */
export function deployment(workload: Workload): string {
  return `
apiVersion: apps/v1
kind: Deployment
${metadata(workload.name, workload.labels)}
spec:
  replicas: 1
  selector:
    matchLabels:
${indent(workload.labels, 6)}
  template:
${indent(podTemplate(workload), 4)}
`;
}

/** A DaemonSet. */
export function daemonSet(workload: Workload): string {
  return `
apiVersion: apps/v1
kind: DaemonSet
${metadata(workload.name, workload.labels)}
spec:
  selector:
    matchLabels:
${indent(workload.labels, 6)}
  template:
${indent(podTemplate(workload), 4)}
`;
}

/** A StatefulSet with one replica; `claims` is the YAML of its volumeClaimTemplates, conditions included. */
export function statefulSet(workload: Workload, options: { service: string; claims?: string }): string {
  return `
apiVersion: apps/v1
kind: StatefulSet
${metadata(workload.name, workload.labels)}
spec:
  replicas: 1
  serviceName: ${options.service}
  selector:
    matchLabels:
${indent(workload.labels, 6)}
  template:
${indent(podTemplate(workload), 4)}
${options.claims === undefined ? '' : indent(options.claims.trim(), 2)}
`;
}

/** A ClusterIP Service; ports are `name: number`. */
export function service(
  name: string,
  labels: string,
  ports: Readonly<Record<string, number>>,
  headless?: 'headless',
): string {
  const items = Object.entries(ports).map(([port, number]) => `- name: ${port}\n  port: ${number}`);
  return `
apiVersion: v1
kind: Service
${metadata(name, labels)}
spec:
  type: ClusterIP
${headless === undefined ? '' : '  clusterIP: None\n'}  ports:
${indent(items.join('\n'), 4)}
  selector:
${indent(labels, 4)}
`;
}

/** `metadata` with the name and the labels every object of a release has. */
export function metadata(name: string, labels: string): string {
  return `metadata:
  name: ${name}
  labels:
${indent(labels, 4)}
    {{- include "runai.chartLabels" $ | nindent 4 }}`;
}

/** The pod of a workload, from `metadata` down. */
export function podTemplate(workload: Workload): string {
  const optional = [
    workload.serviceAccount === undefined ? '' : `serviceAccountName: ${workload.serviceAccount}\n`,
    workload.nodeSelector === undefined ? '' : `nodeSelector:\n${indent(workload.nodeSelector, 2)}\n`,
    workload.initContainers === undefined
      ? ''
      : `initContainers:\n${indent(workload.initContainers.map(initContainer).join('\n'), 2)}\n`,
    workload.volumes === undefined ? '' : `volumes:\n${indent(workload.volumes.trim(), 2)}\n`,
  ];
  return `metadata:
  annotations: { kubectl.kubernetes.io/default-container: ${workload.containers[0]?.name} }
  labels:
${indent(workload.labels, 4)}
spec:
  imagePullSecrets: {{ include "runai.imagePullSecrets" $ }}
  terminationGracePeriodSeconds: ${workload.grace ?? 1}
${indent(optional.join(''), 2)}  containers:
${indent(workload.containers.map(container).join('\n'), 4)}`;
}

function container(part: Container): string {
  const port = part.port === undefined ? '' : `ports:\n  - name: http\n    containerPort: ${part.port}\n`;
  const portEnv = part.port === undefined ? '' : `- name: PORT\n  value: "${part.port}"\n`;
  const probe = part.probe ?? (part.port === undefined ? undefined : HTTP_PROBE);
  const env = `${portEnv}${part.env ?? ''}`.trim();
  return containerItem(part, [
    port,
    env === '' ? '' : `env:\n${indent(env, 2)}\n`,
    probe === undefined ? '' : `readinessProbe:\n${indent(probe.trim(), 2)}\n`,
  ]);
}

const HTTP_PROBE = `
httpGet: { path: /, port: http }
periodSeconds: 3
timeoutSeconds: 5
`;

/** A container that does one thing and ends: no port, no probe. */
export function initContainer(part: Container): string {
  return containerItem(part, [part.env === undefined ? '' : `env:\n${indent(part.env.trim(), 2)}\n`]);
}

function containerItem(part: Container, blocks: readonly string[]): string {
  const user = part.user ?? 1001;
  const body = [
    `image: ${imageRef(part.image)}\n`,
    'imagePullPolicy: IfNotPresent\n',
    part.command === undefined ? '' : `command: ${JSON.stringify(part.command)}\n`,
    ...blocks,
    part.mounts === undefined ? '' : `volumeMounts:\n${indent(part.mounts.trim(), 2)}\n`,
    'resources:\n  requests: { cpu: 5m, memory: 16Mi }\n',
    `securityContext: { runAsUser: ${user}, allowPrivilegeEscalation: false }`,
  ];
  return `- name: ${part.name}\n${indent(body.join(''), 2)}`;
}
