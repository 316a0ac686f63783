import { chartValue, indent } from '../text.js';
import { imageRef, metadata, podTemplate, standardLabels } from '../workload.js';
import { type BackendContext, RELEASE } from './names.js';

/** What is no service: a CronJob, the pod of `helm test`, and the pull secret that charts up to 2.11 make. */
export function extraTemplates(context: BackendContext): Record<string, string> {
  return {
    'db-maintenance-cronjob.yaml': cronJob(context),
    'tests/grafana-test.yaml': testPod(context),
    ...(context.era.keys === 'global' ? {} : { 'gcr-secret.yaml': pullSecret() }),
  };
}

function cronJob({ parts }: BackendContext): string {
  const name = `${RELEASE}-db-maintenance`;
  const labels = standardLabels('db-maintenance');
  const pod = podTemplate({ name, labels, containers: [{ name: 'maintenance', image: parts.maintenance }] });
  return `
apiVersion: batch/v1
kind: CronJob
${metadata(name, labels)}
spec:
  schedule: "0 3 1 1 *"
  jobTemplate:
    spec:
      template:
${indent(pod, 8)}
          restartPolicy: OnFailure
`;
}

function testPod({ parts }: BackendContext): string {
  return `
apiVersion: v1
kind: Pod
metadata:
  name: ${RELEASE}-grafana-test
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  restartPolicy: Never
  containers:
    - name: test
      image: ${imageRef(parts.grafanaTest)}
      command: [/bin/sh, -c, "true"]
`;
}

function pullSecret(): string {
  const given = chartValue('backend', 'gcrSecret');
  return `
apiVersion: v1
kind: Secret
${metadata('gcr-secret', standardLabels('gcr-secret'))}
type: kubernetes.io/dockerconfigjson
data:
  .dockerconfigjson: {{ ${given} | default "{\\"auths\\":{}}" | b64enc | quote }}
`;
}
