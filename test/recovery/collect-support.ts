import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { type OpenBackup, openBackup } from '../../src/recovery/archive/open.js';
import type { TestNode } from '../install/support/node.js';

const SOURCE = (path: string): string =>
  JSON.stringify(fileURLToPath(new URL(`../../src/${path}`, import.meta.url)));

/** Puts YAML into the cluster. */
export function applyYaml(site: TestNode, name: string, yaml: string): void {
  const file = join(site.folder, name);
  writeFileSync(file, yaml);
  site.kubectl('apply', '-f', file);
}

/** The folder on this machine that a claim's volume is. */
export function folderOf(site: TestNode, namespace: string, claim: string): string {
  const found = site.kubectl('-n', namespace, 'get', 'pvc', claim, '-o', 'jsonpath={.spec.volumeName}');
  return site.kubectl('get', 'pv', found, '-o', 'jsonpath={.spec.hostPath.path}');
}

/** A kubeconfig that logs in as a service account. */
export function accountConfig(site: TestNode, namespace: string, account: string): string {
  const token = site.kubectl('-n', namespace, 'create', 'token', account, '--duration=1h');
  const config = JSON.parse(site.kubectl('config', 'view', '--raw', '-o', 'json'));
  const file = join(site.folder, `${account}.kubeconfig`);
  const context = { cluster: config.clusters[0].name, user: account };
  writeFileSync(
    file,
    JSON.stringify({
      ...config,
      users: [{ name: account, user: { token } }],
      contexts: [{ name: account, context }],
      'current-context': account,
    }),
    { mode: 0o600 },
  );
  return file;
}

/** Opens a plain backup, and looks at it. */
export async function withBackup<T>(file: string, work: (backup: OpenBackup) => Promise<T>): Promise<T> {
  const backup = await openBackup(file);
  try {
    return await work(backup);
  } finally {
    await backup.close();
  }
}

/** The objects of all parts of a role. */
export async function objectsOf(
  backup: OpenBackup,
  role: string,
): Promise<{ kind: string; metadata: { name: string } }[]> {
  const parts = backup.manifest.parts.filter((part) => part.role === role);
  const texts = await Promise.all(parts.map(({ path }) => backup.read(path)));
  return texts.flatMap((text) => JSON.parse(text.toString('utf8')).items);
}

/** Writes one part to a file of its own. */
export async function extract(backup: OpenBackup, part: string, file: string): Promise<void> {
  await pipeline(backup.stream(part), createWriteStream(file));
}

/**
 * A backup in a script that notes which rights it uses: `verb group/resource namespace`. The output is one line of
 * JSON with them.
 */
export function usedRights(site: TestNode, kubeconfig: string, file: string): string[] {
  const result = join(site.folder, 'used.json');
  const ran = site.script(`
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect } from ${SOURCE('kube/client.ts')};
import { groupOf } from ${SOURCE('kube/resources.ts')};
import { createBackup } from ${SOURCE('recovery/create.ts')};
import { CHOICES } from ${SOURCE('recovery/create-types.ts')};
import { bundleLookup } from ${SOURCE('recovery/installed-bundle.ts')};
const client = await connect({ kubeconfig: ${JSON.stringify(kubeconfig)}, env: {} });
const used = new Set();
const note = (verb, group, resource, namespace = '') => used.add([verb, group + '/' + resource, namespace].join(' ').trim());
const of = (verb) => (resource, name, ...rest) => {
  note(verb, groupOf(resource.apiVersion), resource.plural, resource.namespaced ? name?.namespace : undefined);
  return client[verb](resource, name, ...rest);
};
const recorder = {
  ...client,
  get: of('get'),
  list: of('list'),
  delete: of('delete'),
  create: (object, options) => {
    note('create', groupOf(object.apiVersion), object.kind.toLowerCase() + 's', object.metadata.namespace);
    return client.create(object, options);
  },
  exec: (target, options) => {
    note('get', '', 'pods/exec', target.namespace);
    note('create', '', 'pods/exec', target.namespace);
    return client.exec(target, options);
  },
  clusterUid: (options) => {
    note('get', '', 'namespaces');
    return client.clusterUid(options);
  },
};
for (const name of ['apply', 'patch', 'replace', 'request', 'mayI']) recorder[name] = () => { throw new Error(name + ' is used'); };
const clusterUid = await client.clusterUid();
const lookup = bundleLookup({ client: recorder, clusterUid, stateRoot: '/nonexistent' });
await createBackup({
  client: recorder,
  output: ${JSON.stringify(file)},
  encryption: { kind: 'plain' },
  choices: new Set(CHOICES),
  bundleIdOf: lookup,
  least: {},
  toolVersion: '0.1.0',
  env: process.env,
  now: Date.now,
  random: randomBytes,
  emit: () => {},
  signal: new AbortController().signal,
});
client.close();
writeFileSync(${JSON.stringify(result)}, JSON.stringify([...used].sort()));
`);
  assert.equal(ran.status, 0, ran.err);
  return JSON.parse(readFileSync(result, 'utf8'));
}

/** What the printed roles grant, in the same words. */
export function grantedRights(documents: readonly Record<string, unknown>[]): string[] {
  const roles = documents.filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole');
  return roles
    .flatMap(({ metadata, rules }) =>
      (rules as { apiGroups: string[]; resources: string[]; verbs: string[] }[]).flatMap((rule) =>
        rule.verbs.map((verb) =>
          [
            verb,
            `${rule.apiGroups[0]}/${rule.resources[0]}`,
            (metadata as { namespace?: string }).namespace ?? '',
          ]
            .join(' ')
            .trim(),
        ),
      ),
    )
    .sort();
}

/** Kills a process and all below it: the script that enters the node’s network has children. */
export function killTree(pid: number | undefined): void {
  if (pid === undefined) return;
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
  for (const child of stdout
    .split('\n')
    .map(Number)
    .filter((each) => each > 0))
    killTree(child);
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

/**
 * Plays the snapshot controller and a CSI driver: copies the folder behind the claim of every VolumeSnapshot, binds it to
 * a content and calls it ready, or reports an error for claims whose name it is told to refuse; fills volumes for claims
 * with a snapshot as their source. The node has no CSI driver of its own.
 */
export function playDriver(site: TestNode, driver: string): { stop(): void } {
  const store = join(site.folder, 'csi');
  const running = site.startScript(`
import { cpSync, mkdirSync } from 'node:fs';
import { connect } from ${SOURCE('kube/client.ts')};
import { RESOURCES } from ${SOURCE('kube/resources.ts')};
import { SNAPSHOTS, SNAPSHOT_CONTENTS } from ${SOURCE('recovery/snapshot.ts')};
const client = await connect({ env: process.env });
const store = ${JSON.stringify(store)};
const copy = (from, to) => { mkdirSync(store, { recursive: true }); cpSync(from, to, { recursive: true, force: true }); };
for (;;) {
  for (const snapshot of await client.list(SNAPSHOTS)) {
    const { name, namespace, uid } = snapshot.metadata;
    if (snapshot.status?.readyToUse || snapshot.status?.error) continue;
    const ready = async (content, restoreSize) => {
      const status = { boundVolumeSnapshotContentName: content, readyToUse: true, restoreSize, creationTime: new Date().toISOString() };
      await client.patch(SNAPSHOTS, { name, namespace }, { status }, { subresource: 'status' });
    };
    const given = snapshot.spec.source.volumeSnapshotContentName;
    if (given) {
      const handle = (await client.get(SNAPSHOT_CONTENTS, { name: given })).spec.source.snapshotHandle;
      await client.patch(SNAPSHOT_CONTENTS, { name: given }, { status: { readyToUse: true, snapshotHandle: handle } }, { subresource: 'status' });
      await ready(given, '1Gi');
      continue;
    }
    const claim = snapshot.spec.source.persistentVolumeClaimName;
    if (claim.includes('refused')) {
      const error = { message: 'the volume is not a CSI volume', time: new Date().toISOString() };
      await client.patch(SNAPSHOTS, { name, namespace }, { status: { error } }, { subresource: 'status' });
      continue;
    }
    const content = 'snapcontent-' + uid;
    await client.create({
      apiVersion: SNAPSHOT_CONTENTS.apiVersion, kind: SNAPSHOT_CONTENTS.kind,
      metadata: { name: content },
      spec: {
        deletionPolicy: 'Retain', driver: ${JSON.stringify(driver)},
        source: { volumeHandle: 'volume-of-' + claim },
        volumeSnapshotClassName: snapshot.spec.volumeSnapshotClassName,
        volumeSnapshotRef: { name, namespace, uid },
      },
    });
    const volume = (await client.get(RESOURCES.claims, { name: claim, namespace })).spec.volumeName;
    copy((await client.get(RESOURCES.persistentVolumes, { name: volume })).spec.hostPath.path, store + '/handle-' + uid);
    const taken = { readyToUse: true, snapshotHandle: 'handle-' + uid, restoreSize: 1073741824, creationTime: 1 };
    await client.patch(SNAPSHOT_CONTENTS, { name: content }, { status: taken }, { subresource: 'status' });
    await ready(content, '1Gi');
  }
  for (const claim of await client.list(RESOURCES.claims)) {
    const { name, namespace, uid } = claim.metadata;
    const { dataSource, volumeName, accessModes, storageClassName, resources } = claim.spec;
    if (volumeName || dataSource?.kind !== 'VolumeSnapshot') continue;
    const snapshot = await client.get(SNAPSHOTS, { name: dataSource.name, namespace });
    const content = await client.get(SNAPSHOT_CONTENTS, { name: snapshot.status.boundVolumeSnapshotContentName });
    const path = store + '/volume-' + uid;
    copy(store + '/' + content.status.snapshotHandle, path);
    await client.create({
      apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'from-snapshot-' + uid },
      spec: {
        accessModes, storageClassName, capacity: { storage: resources.requests.storage }, hostPath: { path },
        persistentVolumeReclaimPolicy: 'Retain',
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      },
    });
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
}
`);
  return { stop: () => killTree(running.child.pid) };
}
