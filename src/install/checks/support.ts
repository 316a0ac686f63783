import { printable, redact } from '../../redact.js';
import type { PlanView } from '../types.js';
import { isOwn } from '../values-diff.js';

const SECRET_KEY = /password|passwd|secret|token|credential|private.?key|apikey|\.dockerconfigjson/i;
const LONG = 2000;

/** What support needs to judge a site from afar: findings, plan, versions. Values stay out, secrets are taken out. */
export function supportText(view: PlanView, by: { readonly tool: string; readonly now: number }): string {
  const { bundle, cluster, registry, helm, plan, made, findings } = view;
  const report = {
    airgap: by.tool,
    written: new Date(by.now).toISOString(),
    bundle,
    cluster,
    ...(registry === undefined ? {} : { registry }),
    helm,
    site: made?.facts.site,
    plan: plan.steps.map(({ id, title, destructive }) => ({ id, title, destructive })),
    releases: made?.releases.map(({ chart, decision, changes }) => ({
      release: chart.release,
      chart: `${chart.name} ${chart.version}`,
      decision,
      changed: changes.filter(isOwn).map(({ path }) => path),
      changedDefaults: changes.filter((change) => !isOwn(change)).length,
    })),
    findings,
  };
  return `${JSON.stringify(cleaned(report, []), null, 2)}\n`;
}

/** The value of a key that speaks of a secret goes as a whole; every text is redacted besides. */
export function cleaned(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return printable(redact(value, secrets), LONG);
  if (Array.isArray(value)) return value.map((item) => cleaned(item, secrets));
  if (typeof value !== 'object' || value === null) return value;
  const pairs = Object.entries(value).map(([key, child]) => [
    key,
    SECRET_KEY.test(key) && typeof child === 'string' ? '[redacted]' : cleaned(child, secrets),
  ]);
  return Object.fromEntries(pairs);
}
