import type { Plan, PlanStep } from '../run/types.js';
import type { Stopped } from './stop-steps.js';

/** What brings back what an interrupted run stopped. */
export const RESUME = 'airgap backup resume';
/** Id of the step between stopping and starting. */
export const COPY = 'copy';

/** A backup has no bundle of its own. */
export const NO_BUNDLE = 'none';

/** Stop, copy, start in the opposite order. Pure. */
export function stopPlan(clusterUid: string, stopped: readonly Stopped[]): Plan {
  const claims = stopped.map(({ namespace, claim }) => `${namespace}/${claim}`).join(', ');
  return {
    kind: 'backup',
    title: `cold copy of ${claims}`,
    bundleId: NO_BUNDLE,
    clusterUid,
    steps: [
      ...stopped.map((each) => step('stop', each)),
      {
        id: COPY,
        title: `copy ${claims}`,
        destructive: false,
        saves: [],
        doneWhen: 'the copy is in the backup, or was given up',
      },
      ...[...stopped].reverse().map((each) => step('start', each)),
    ],
  };
}

function step(what: 'stop' | 'start', stopped: Stopped): PlanStep {
  const { kind, namespace, name } = stopped;
  const isStop = what === 'stop';
  return {
    id: `${what}:${kind}/${namespace}/${name}`,
    title: isStop ? `stop ${kind} ${namespace}/${name}` : `start ${kind} ${namespace}/${name} again`,
    command: `kubectl -n ${namespace} scale ${kind.toLowerCase()} ${name} --replicas=${isStop ? '0' : '<as before>'}`,
    destructive: false,
    saves: isStop ? ['the number of replicas'] : [],
    doneWhen: isStop ? 'no pod has its volume mounted' : 'it has as many ready replicas as before',
    ...(isStop ? { undoneBy: RESUME } : {}),
    outage: isStop ? 'starts' : 'ends',
    input: { stopped },
  };
}
