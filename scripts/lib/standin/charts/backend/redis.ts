import { service, standardLabels, statefulSet } from '../workload.js';
import { type BackendContext, RELEASE } from './names.js';
import { claimTemplate } from './postgresql.js';

const NAME = `${RELEASE}-redis-queue-master`;

/** The queue that control planes from 2.12 to 2.20 have. */
export function redisTemplates({ parts }: BackendContext): Record<string, string> {
  if (!parts.redis) return {};
  const labels = `${standardLabels('redis-queue')}\napp.kubernetes.io/component: master`;
  const set = statefulSet(
    {
      name: NAME,
      labels,
      containers: [
        { name: 'redis', image: parts.redis, port: 6379, mounts: '- name: data\n  mountPath: /data' },
      ],
    },
    {
      service: `${RELEASE}-redis-queue-headless`,
      claims: claimTemplate(['redisQueue', 'master', 'persistence']),
    },
  );
  return {
    'redis-queue/statefulset.yaml': set,
    'redis-queue/services.yaml': `---${service(NAME, labels, { redis: 6379 })}---${service(
      `${RELEASE}-redis-queue-headless`,
      labels,
      { redis: 6379 },
      'headless',
    )}`,
  };
}
