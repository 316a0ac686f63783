import { AirgapError } from '../errors.js';
import type { PlanView } from '../install/types.js';
import type { CliContext } from './context.js';

interface Flags {
  readonly yes?: boolean;
  readonly output: string;
}

/**
 * Shows the plan that is about to be carried out, and asks for it where --yes was not given. Where standard output is
 * for a program, a person who is asked sees the plan with the question.
 * @throws AirgapError CONFIRMATION_NEEDED
 */
export async function approvePlan(view: PlanView, flags: Flags, context: CliContext): Promise<void> {
  const { formatPlan } = await import('../term/plan.js');
  if (flags.output === 'text') context.stdout.write(formatPlan(view));
  if (flags.yes) return;
  const { cluster } = view;
  if (cluster === undefined)
    throw new AirgapError('INTERNAL', 'a plan without a cluster cannot be carried out');
  if (context.confirm === undefined) {
    throw new AirgapError('CONFIRMATION_NEEDED', 'there is no terminal to ask on, and --yes was not given', {
      expected: '--yes',
      found: `${view.plan.steps.length} steps on ${cluster.context} (${cluster.server})`,
    });
  }
  const verb = view.resumes === undefined ? 'Do' : 'Go on with';
  const where = `${cluster.context} (${cluster.server}, cluster ${cluster.uid})`;
  const { backupIn } = await import('../install/plan.js');
  const without = backupIn(view.plan)?.kind === 'none' ? ' WITHOUT A BACKUP' : '';
  const plan = flags.output === 'text' ? '' : `${formatPlan(view)}\n`;
  if (await context.confirm(`${plan}${verb} this${without} on ${where}?`)) return;
  throw new AirgapError('CONFIRMATION_NEEDED', 'the answer was not yes; nothing was changed');
}
