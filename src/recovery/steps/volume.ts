import { AirgapError } from '../../errors.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { parseSums } from '../dump-report.js';
import { bashCall, execInto, lastWords } from '../exec-stream.js';
import { type HelperPod, withHelper } from '../helper-pod.js';
import { asNewClaim, parseList } from '../objects.js';
import type { RestoreAction } from '../plan.js';
import { listAt, textAt } from '../value-at.js';
import { COMPARE_SCRIPT, WRITE_SCRIPT } from '../volume-script.js';
import type { RestoreWork } from './types.js';

type VolumeAction = Extract<RestoreAction, { kind: 'volume' }>;

/** Says on a claim which copy its volume holds. */
const MARK = 'airgap/restored';

/** Makes the claim anew and fills its volume through a pod of ours. */
export function volumeStep(work: RestoreWork, action: VolumeAction): StepExecutor {
  const { namespace, claim, part } = action;
  const name = { namespace, name: claim };
  const digest = work.backup.part(part)?.sha256 ?? '';
  return {
    observe: async ({ signal }) => {
      const live = await work.client.get(RESOURCES.claims, name, { signal });
      if (live?.metadata.annotations?.[MARK] === digest) return { state: 'done', detail: `sha256:${digest}` };
      return { state: 'ready', detail: live ? 'the claim is there' : 'there is no claim' };
    },
    perform: async (context) => {
      const { signal, guard } = context;
      await guard();
      const live = await work.client.get(RESOURCES.claims, name, { signal });
      if (!live) await work.client.create(await claimOf(work, action), { signal });
      const request = {
        client: work.client,
        namespace,
        purpose: 'write',
        image: action.image,
        pullSecrets: await pullSecrets(work, namespace, signal),
        claim: { name: claim, readOnly: false },
        user: 0,
        random: work.random,
        signal,
      };
      await withHelper(request, (pod) => fill(work, action, { pod, context }));
      await guard();
      await work.client.patch(
        RESOURCES.claims,
        name,
        { metadata: { annotations: { [MARK]: digest } } },
        { signal },
      );
    },
  };
}

/** Writes the copy, then lets tar compare all of it with what is on the volume. */
async function fill(
  work: RestoreWork,
  { part, namespace, claim }: VolumeAction,
  { pod, context }: { readonly pod: HelperPod; readonly context: StepContext },
): Promise<void> {
  const facts = work.backup.part(part);
  const run = async (script: string, what: string): Promise<string> => {
    const { command, input } = bashCall({ script, args: [String(facts?.size ?? 0)] });
    const { exitCode, report } = await execInto(
      { client: work.client, target: { ...pod.target, command }, input, signal: context.signal },
      work.backup.stream(part),
      (done) => progress(work, { stage: `volume:${claim}`, done, total: facts?.size ?? 0, current: what }),
    );
    if (exitCode === 0) return report;
    throw new AirgapError('RESTORE_FAILED', `volume ${namespace}/${claim} could not be ${what}`, {
      found: `exit ${exitCode}: ${lastWords(report)}`,
    });
  };
  const sums = parseSums(await run(WRITE_SCRIPT, 'written'));
  if (sums?.sha256 !== facts?.sha256) {
    throw new AirgapError(
      'RESTORE_FAILED',
      `what arrived at volume ${namespace}/${claim} is not what was sent`,
      {
        expected: `sha256:${facts?.sha256}`,
        found: `sha256:${sums?.sha256 ?? 'none'}`,
      },
    );
  }
  await run(COMPARE_SCRIPT, 'compared');
}

function progress(
  { emit }: RestoreWork,
  {
    stage,
    done,
    total,
    current,
  }: { readonly stage: string; readonly done: number; readonly total: number; readonly current: string },
): void {
  emit({ type: 'progress', stage: `${stage}:${current}`, done, total, unit: 'bytes', current });
}

/** The claim as it was, for a fresh volume of the same class and size. */
async function claimOf({ backup }: RestoreWork, { namespace, claim }: VolumeAction): Promise<KubeObject> {
  const part = backup.manifest.parts.find(({ role }) => role === 'claims');
  const claims = part ? parseList((await backup.read(part.path)).toString('utf8')) : [];
  const found = claims.find(({ metadata }) => metadata.name === claim && metadata.namespace === namespace);
  if (found) return asNewClaim(found);
  throw new AirgapError(
    'RESTORE_FAILED',
    `the backup does not say what claim ${namespace}/${claim} was like`,
    {
      expected: 'a backup with the part storage',
      hint: `make the claim by hand, then the same command again: kubectl -n ${namespace} create -f claim.yaml`,
    },
  );
}

/** Secrets for pulling that are in the namespace by now. */
async function pullSecrets(
  { client }: RestoreWork,
  namespace: string,
  signal: AbortSignal,
): Promise<string[]> {
  const secrets = await client.list(RESOURCES.secrets, {
    namespace,
    fieldSelector: 'type=kubernetes.io/dockerconfigjson',
    signal,
  });
  const account = await client.get(RESOURCES.serviceAccounts, { namespace, name: 'default' }, { signal });
  const named = listAt(account, ['imagePullSecrets']).flatMap((each) => textAt(each, ['name']) ?? []);
  return [...new Set([...named, ...secrets.map(({ metadata }) => metadata.name)])];
}
