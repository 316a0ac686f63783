import { makePlan } from '../../../src/install/plan.js';
import { afterInstall, type InstallFacts, type InstallReport } from '../../../src/install/report.js';
import type { JournalRecord, Phase } from '../../../src/run/record.js';
import { makeReport } from '../../../src/run/report.js';
import type { Plan, PlanStep } from '../../../src/run/types.js';
import { emptySite, releaseFacts, requestOf, revision, version } from '../../install/support/observation.js';

const RUN = '20261121T100000Z-3f9c2a1b';

/** An upgrade from 2.9 to 2.13: destructive steps, values that change, two versions of everything. */
export function upgradePlan() {
  const backend = revision({
    chart: { name: 'runai-backend', version: '2.9.25', appVersion: '2.9.25' },
    values: { deployment: { domain: 'runai.site' }, backend: { logLevel: 'debug' } },
  });
  const cluster = revision({
    ...{ name: 'runai-cluster', namespace: 'runai' },
    chart: { name: 'runai-cluster', version: '2.9.25', appVersion: '2.9.25' },
  });
  const empty = emptySite();
  const site = emptySite({
    releases: new Map([
      ['runai-backend', releaseFacts('runai-backend', backend)],
      ['runai-cluster', releaseFacts('runai-cluster', cluster)],
    ]),
    product: {
      ...empty.product,
      backend: version('2.9.25'),
      cluster: version('2.9.25'),
      clusterRelease: 'runai-cluster',
      claims: ['pvc-postgresql', 'pvc-thanos-receive'],
      namespaces: ['runai', 'runai-backend'],
      backendIngress: true,
    },
  });
  const secret = { global: { postgresql: { auth: { password: 'canary-secret-1' } } } };
  const none = { values: {}, settings: [] };
  const overrides = { 'control-plane': { values: secret, settings: [] }, cluster: none, prerequisite: none };
  return { made: makePlan(requestOf('2.13.66', { overrides }), site), site };
}

export interface Ending {
  /** Steps that were done before it ended; all when absent. */
  readonly steps?: number;
  readonly error?: unknown;
}

/** The report of that upgrade. */
export function upgradeReport({ steps, error }: Ending = {}): InstallReport {
  const { made, site } = upgradePlan();
  const done = made.plan.steps.slice(0, steps ?? made.plan.steps.length);
  const facts: InstallFacts = {
    bundle: {
      file: '/media/runai-air-gapped-2.13.66.tar',
      id: 'c'.repeat(64),
      product: 'runai',
      version: '2.13.66',
    },
    cluster: site.cluster,
    registry: 'reg.site:5000',
    helm: 'v3.22.0 (/usr/bin/helm)',
    findings: [
      {
        id: 'cluster.version',
        title: 'Kubernetes',
        outcome: 'pass',
        seen: 'v1.28.3',
        expected: '>=1.23 <1.29',
      },
      {
        id: 'gpu.operator',
        title: 'GPU operator',
        outcome: 'warn',
        seen: 'not there',
        advice: 'install it before workloads ask for GPUs',
      },
    ],
    holds: [],
    values: Object.fromEntries(made.releases.map(({ chart, changes }) => [chart.release, changes])),
    keys: Object.fromEntries(made.releases.map(({ chart, carried }) => [chart.release, carried])),
    push: {
      images: 14,
      sent: { blobs: 41, bytes: 1_812_345_678 },
      mounted: { blobs: 9, bytes: 40_000_000 },
      skipped: { blobs: 3, bytes: 1000 },
      manifests: 15,
    },
    crds: { applied: ['a', 'b'], unchanged: [] },
    revisions: { 'runai-backend': 2, 'runai-cluster': 2 },
    health: [{ namespace: 'runai-backend', healthy: true, workloads: 11, troubles: [] }],
    database: {
      before: { kind: 'counted', server: '7001', databases: [{ name: 'backend', tables: 41, rows: 5012 }] },
      after: { kind: 'counted', server: '7001', databases: [{ name: 'backend', tables: 47, rows: 5003 }] },
    },
    proof: { ok: true, pods: 19, containers: 22, images: 14, faults: [] },
  };
  const report = makeReport({
    run: {
      folder: '/root/.local/state/airgap/runs/uid/run',
      plan: made.plan,
      identity: {
        ...{ schema: 1, runId: RUN, kind: 'install', title: made.plan.title, bundleId: 'c'.repeat(64) },
        ...{ planSha: '', clusterUid: site.cluster.uid, toolVersion: '0.1.0' },
        inputs: { domain: 'runai.site' },
        createdAt: '2026-11-21T10:00:00.000Z',
        command: 'airgap install /media/runai-air-gapped-2.13.66.tar',
      },
    },
    records: recordsOf(made.plan, done, error === undefined ? 'finished' : 'failed'),
    saved: [
      { name: 'site/runai-backend/secret.v1.json', sha256: 'a'.repeat(64), size: 18_234 },
      { name: 'deleted/ingress.runai-backend-ingress.json', sha256: 'b'.repeat(64), size: 2100 },
      { name: 'report/begun.json', sha256: 'd'.repeat(64), size: 10 },
    ],
    facts,
    next: [],
    ...(error === undefined ? {} : { error }),
  });
  return { ...report, next: afterInstall(report) };
}

function recordsOf(plan: Plan, done: readonly PlanStep[], end: Phase): JournalRecord[] {
  const records: JournalRecord[] = [];
  const add = (step: string, phase: Phase, data: Record<string, unknown> = {}): void => {
    const seq = records.length;
    const t = new Date(Date.UTC(2026, 10, 21, 10, 0, seq * 11)).toISOString();
    records.push({ seq, prev: '', t, runId: RUN, fence: 1, step, phase, data, h: '' });
  };
  add('', 'planned');
  for (const [index, { id }] of done.entries()) {
    add(id, 'intent');
    add(id, 'committed', { detail: 'as it should be', took: 900 + index * 7300 });
  }
  const next = plan.steps[done.length];
  if (end === 'failed' && next) {
    add(next.id, 'intent');
    add(next.id, 'failed', { detail: 'HELM_FAILED: helm upgrade failed', took: 4000 });
  } else add('', end);
  return records;
}
