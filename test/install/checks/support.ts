import type { RenderedRelease } from '../../../src/install/checks/rendered.js';
import { splitRendered } from '../../../src/install/checks/rendered.js';
import type { Finding } from '../../../src/install/findings.js';
import type { PlannedRelease } from '../../../src/install/plan.js';
import type { KubeObject } from '../../../src/kube/types.js';

export const ROW = { id: 'owners', title: 'row' } as const;

/** What a test compares: the outcome, and words that have to be in what was seen. */
export function outcome(finding: Finding | undefined): string {
  return finding?.outcome ?? 'no finding';
}

export function object(kind: string, name: string, more: Record<string, unknown> = {}): KubeObject {
  const { metadata, apiVersion = 'v1', ...rest } = more;
  return { apiVersion: String(apiVersion), kind, metadata: { name, ...(metadata as object) }, ...rest };
}

/** A release as helm rendered it from this text. */
export function rendered(text: string, chart: Partial<PlannedRelease['chart']> = {}): RenderedRelease {
  const planned = {
    chart: {
      role: 'control-plane',
      release: 'runai-backend',
      namespace: 'runai-backend',
      name: 'control-plane',
      version: '2.13.66',
      path: 'charts/control-plane.tgz',
      imageValues: {},
      ...chart,
    },
    values: {},
    decision: { do: 'install' },
  } as unknown as PlannedRelease;
  return { planned, ...splitRendered(text, planned.chart), text, chartSize: 1000 };
}
