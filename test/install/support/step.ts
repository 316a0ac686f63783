import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silent } from '../../../src/events.js';
import type { KubeObject } from '../../../src/kube/types.js';
import { openSavedStore } from '../../../src/run/saved.js';
import type { StepContext, StepExecutor } from '../../../src/run/types.js';
import { type FakeApi, startFakeApi } from './fake-api.js';

/** A fake cluster and a run folder, for one executor. */
export interface Bench {
  readonly api: FakeApi;
  readonly context: StepContext;
  /** How often the lease was looked at. */
  readonly guards: () => number;
  readonly notes: string[];
  /** Stores objects as the step `save` does. */
  saveSite(namespace: string, kind: string, objects: readonly KubeObject[]): Promise<void>;
  close(): Promise<void>;
}

export async function makeBench(): Promise<Bench> {
  const api = await startFakeApi();
  const runFolder = mkdtempSync(join(tmpdir(), 'airgap-step-'));
  const saved = openSavedStore(runFolder);
  const notes: string[] = [];
  let guards = 0;
  const context: StepContext = {
    signal: new AbortController().signal,
    emit: (event) => (event.type === 'note' ? void notes.push(event.text) : silent(event)),
    runId: 'run-1',
    runFolder,
    saved,
    fence: 1,
    guard: async () => {
      guards++;
    },
  };
  return {
    api,
    context,
    notes,
    guards: () => guards,
    saveSite: async (namespace, kind, objects) => {
      await saved.put(`site/${namespace}/${kind}.json`, JSON.stringify(objects));
    },
    close: async () => {
      await api.close();
      rmSync(runFolder, { recursive: true, force: true });
    },
  };
}

/** What the engine does with a step that is not done: save, perform, observe. */
export async function runStep(step: StepExecutor, context: StepContext): Promise<string> {
  const first = await step.observe(context);
  if (first.state !== 'ready') return first.state;
  await step.save?.(context);
  await step.perform(context);
  return (await step.observe(context)).state;
}

export const LIMITS = { health: 2000, helm: 2000 } as const;

/** An object with the marks that Helm leaves. */
export function owned(
  object: KubeObject,
  release = 'runai-backend',
  namespace = 'runai-backend',
): KubeObject {
  const annotations = { 'meta.helm.sh/release-name': release, 'meta.helm.sh/release-namespace': namespace };
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...annotations } },
  };
}

export function object(
  kind: string,
  name: string,
  namespace?: string,
  more: Record<string, unknown> = {},
): KubeObject {
  const apiVersions: Record<string, string> = {
    Deployment: 'apps/v1',
    StatefulSet: 'apps/v1',
    DaemonSet: 'apps/v1',
    Ingress: 'networking.k8s.io/v1',
    IngressClass: 'networking.k8s.io/v1',
    RunaiConfig: 'run.ai/v1',
    Role: 'rbac.authorization.k8s.io/v1',
    RoleBinding: 'rbac.authorization.k8s.io/v1',
    ClusterRole: 'rbac.authorization.k8s.io/v1',
    ClusterRoleBinding: 'rbac.authorization.k8s.io/v1',
    ValidatingWebhookConfiguration: 'admissionregistration.k8s.io/v1',
  };
  const { metadata, ...rest } = more as { metadata?: Record<string, unknown> };
  return {
    apiVersion: apiVersions[kind] ?? 'v1',
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...metadata },
    ...rest,
  };
}
