import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestNode } from '../support/node.js';

const SCRIPTS = fileURLToPath(new URL('../../../scripts', import.meta.url));

/** A release as the vendor's pages of its time would have put it up. */
export interface HandMade {
  readonly version: string;
  readonly backend: Readonly<Record<string, unknown>>;
  readonly cluster: Readonly<Record<string, unknown>>;
}

/** Images in the registry, definitions, and both charts with helm: a site that airgap has never seen. */
export function installByHand(node: TestNode, { version, backend, cluster }: HandMade): void {
  const out = join(node.folder, `by-hand-${version}`);
  const standin = ['--version', version, '--out', out, '--registry', node.registry];
  node.must('exec', join(SCRIPTS, 'standin'), ...standin);
  const crds = join(out, 'runai-crds.yaml');
  node.kubectl('apply', '-f', crds);
  node.kubectl('wait', '--for=condition=Established', '--timeout=60s', '-f', crds);
  const charts = readdirSync(join(out, 'charts')).filter((name) => name.endsWith('.tgz'));
  for (const [part, values] of [
    ['backend', backend],
    ['cluster', cluster],
  ] as const) {
    const chart = charts.find((name) => /backend|control-plane/.test(name) === (part === 'backend'));
    assert.ok(chart, charts.join(', '));
    const release = part === 'backend' ? 'runai-backend' : chart.replace(/-\d.*$/, '');
    const namespace = part === 'backend' ? 'runai-backend' : 'runai';
    const file = node.file(`by-hand-${part}.json`, JSON.stringify(values));
    const words = ['-n', namespace, '-f', file, '--wait', '--timeout', '240s'];
    node.must('exec', 'helm', 'install', release, join(out, 'charts', chart), ...words);
  }
}
