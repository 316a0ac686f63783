import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import type { KubeObject } from '../../src/kube/types.js';
import { demandSamePasswords } from '../../src/recovery/copied-passwords.js';
import { formatList } from '../../src/recovery/objects.js';
import { demandTarget, helperImageFor } from '../../src/recovery/restore-checks.js';
import type { RestoreOptions } from '../../src/recovery/restore-types.js';
import { RESTORE_CHOICES } from '../../src/recovery/restore-types.js';
import { chooseVolumes } from '../../src/recovery/restore-volumes.js';
import { describeChanges, findRewrite } from '../../src/recovery/site-changes.js';
import { type FakeApi, startFakeApi } from '../install/support/fake-api.js';
import { object } from '../install/support/step.js';

const NAMESPACE = 'runai-backend';

/** A backup that holds these objects by role. */
function backupOf(objects: Readonly<Record<string, readonly KubeObject[]>>, more: object = {}) {
  const parts = Object.keys(objects).map((role) => ({
    path: `objects/${role}.json`,
    role,
    size: 1,
    sha256: '',
  }));
  const manifest = {
    clusterUid: 'burnt-down',
    meta: { domain: 'runai.test' },
    releases: [],
    volumes: [],
    databases: [],
    parts,
    ...more,
  };
  const read = async (path: string) => Buffer.from(formatList(objects[path.slice(8, -5)] ?? []));
  return { manifest, read } as unknown as RestoreOptions['backup'];
}

describe('the target of a restore', () => {
  let api: FakeApi;
  before(async () => {
    api = await startFakeApi();
  });
  after(() => api.close());
  const kinds = ['PersistentVolumeClaim', 'PersistentVolume', 'Deployment', 'Secret'] as const;
  beforeEach(() => {
    for (const kind of kinds)
      for (const name of [
        'pvc-thanos',
        'pv-1',
        'pv-2',
        'web',
        'runai-backend-tls',
        'runai-backend-postgresql',
      ]) {
        api.remove(kind, name, NAMESPACE);
        api.remove(kind, name);
      }
  });

  const options = (
    more: Partial<RestoreOptions> & { clusterUid?: string; registry?: string } = {},
  ): RestoreOptions => {
    const { clusterUid = 'burnt-down', registry, ...rest } = more;
    const bundle = { manifest: { charts: [{ release: 'runai-backend', imageValues: {} }] } };
    return {
      backup: backupOf({}),
      choices: new Set(RESTORE_CHOICES),
      replace: false,
      toNewCluster: false,
      rebind: [],
      signal: new AbortController().signal,
      installer: {
        client: api.client,
        clusterUid,
        bundle,
        registryIn: () => 'old:5000',
        ...(registry === undefined ? {} : { registry: { text: registry, plainHttp: false } }),
      },
      ...rest,
    } as unknown as RestoreOptions;
  };
  const refused = async (work: Promise<unknown>, code: string, words: RegExp): Promise<void> =>
    assert.rejects(work, (error) => {
      assert.ok(isAirgapError(error), String(error));
      assert.equal(error.code, code);
      const { message, found, hint, faults } = error;
      assert.match(JSON.stringify({ message, found, hint, faults }), words);
      return true;
    });

  it('threat 127: namespaces, TLS secrets and prerequisites alone do not count', async () => {
    api.put(object('Namespace', NAMESPACE));
    api.put(object('Secret', 'runai-backend-tls', NAMESPACE));
    api.put(object('Deployment', 'haproxy', 'haproxy-controller'));
    await demandTarget(options());
  });

  it('threat 127: a claim, a workload or a release is something, and is named', async () => {
    api.put(object('PersistentVolumeClaim', 'pvc-thanos', NAMESPACE));
    await refused(
      demandTarget(options()),
      'RESTORE_REFUSED',
      /PersistentVolumeClaim runai-backend\/pvc-thanos.*|--replace/,
    );
    await demandTarget(options({ replace: true }));
  });

  it('there must be something to replace, and a product to put a database into', async () => {
    await refused(demandTarget(options({ replace: true })), 'USAGE', /nothing to replace/);
    await refused(demandTarget(options({ choices: new Set(['database']) })), 'RESTORE_REFUSED', /no product/);
    await demandTarget(options({ choices: new Set(['rbac']) }));
  });

  it('threat 136: a copied database with other passwords goes over nothing that runs, and no password is said', async () => {
    const passwords = (user: string, keys = ['password', 'postgres-password']) =>
      object('Secret', 'runai-backend-postgresql', NAMESPACE, {
        data: Object.fromEntries(keys.map((key) => [key, Buffer.from(user).toString('base64')])),
      });
    const copies = [{ purpose: 'database', claim: 'data-0', namespace: NAMESPACE, method: 'copy' }] as const;
    const backup = backupOf({ secrets: [passwords('saved-one')] });
    const replace = options({ backup, replace: true });
    await demandSamePasswords(replace, copies);
    // The keys of another era hold the same.
    api.put(passwords('saved-one', ['postgresql-password', 'postgresql-postgres-password']));
    await demandSamePasswords(replace, copies);
    api.put(passwords('live-one'));
    await assert.rejects(demandSamePasswords(replace, copies), (error) => {
      assert.ok(isAirgapError(error, 'RESTORE_REFUSED'), String(error));
      assert.doesNotMatch(JSON.stringify({ ...error, message: error.message }), /saved-one|live-one/);
      return true;
    });
    await demandSamePasswords(options({ backup }), copies);
    await demandSamePasswords(replace, []);
    await demandSamePasswords(options({ replace: true }), copies);
  });

  it('threat 130: another cluster and another domain need a word of the operator', async () => {
    const other = { clusterUid: 'new' };
    await refused(demandTarget(options(other)), 'DECISION_NEEDED', /--to-new-cluster/);
    await demandTarget(options({ ...other, toNewCluster: true }));
    await refused(findRewrite(options({ domain: 'new.test' })), 'DECISION_NEEDED', /--to-new-cluster/);
    assert.deepEqual(await findRewrite(options({ domain: 'runai.test' })), {});
    const found = await findRewrite(
      options({ domain: 'new.test', toNewCluster: true, registry: 'new:5000' }),
    );
    assert.deepEqual(found, {
      domain: { from: 'runai.test', to: 'new.test' },
      registry: { from: 'old:5000', to: 'new:5000' },
    });
  });

  it('threat 130: says what is written otherwise, down to the field', async () => {
    const spec = { rules: [{ host: 'runai.test' }] };
    const backup = backupOf({
      ingress: [object('Ingress', 'front', NAMESPACE, { spec })],
      claims: [
        object('PersistentVolumeClaim', 'pvc-thanos', NAMESPACE, { spec: { storageClassName: 'fast' } }),
      ],
      secrets: [],
    });
    const rewrite = { domain: { from: 'runai.test', to: 'new.test' } };
    const { lines, leave } = await describeChanges(options({ backup, clusterUid: 'new' }), rewrite, []);
    assert.deepEqual(leave, []);
    assert.deepEqual(lines.slice(0, 3), [
      'cluster UID: burnt-down becomes new',
      'URLs: runai.test becomes new.test',
      'Ingress runai-backend/front: spec.rules[0].host',
    ]);
    assert.match(lines.join('\n'), /storage class fast is not here[\s\S]*nothing inside the databases/);
  });

  const claims = [object('PersistentVolumeClaim', 'pvc-thanos', NAMESPACE, { spec: { volumeName: 'pv-1' } })];
  const volumeOf = (method: 'site' | 'copy') => ({
    ...{ claim: 'pvc-thanos', namespace: NAMESPACE, purpose: 'metrics', method, by: 'vendor X' },
    ...(method === 'copy' ? { part: 'volumes/x.tar' } : {}),
  });
  const claimRef = { name: 'pvc-thanos', namespace: NAMESPACE, uid: 'earlier' };
  const volume = (name: string, phase = 'Released') =>
    object('PersistentVolume', name, undefined, { spec: { claimRef }, status: { phase } });

  it('a volume that the site keeps is bound again when there is exactly one, else it is said', async () => {
    const backup = backupOf({ claims }, { volumes: [volumeOf('site')] });
    const none = await chooseVolumes(options({ backup }));
    assert.match(none.leftOut[0] ?? '', /saved by vendor X; no free volume here names it/);
    api.put(volume('pv-1'));
    const one = await chooseVolumes(options({ backup }));
    assert.deepEqual(
      one.rebinds.map((each) => each.volume),
      ['pv-1'],
    );
    api.put(volume('pv-2'));
    const two = await chooseVolumes(options({ backup }));
    assert.deepEqual([two.rebinds, two.leftOut.length], [[], 1]);
    api.put(volume('pv-1', 'Bound'));
    api.remove('PersistentVolume', 'pv-2');
    assert.match((await chooseVolumes(options({ backup }))).leftOut[0] ?? '', /stays bound to pv-1/);
  });

  it('a snapshot that is not here is said with its handle; without the database’s there is no restore', async () => {
    const taken = (purpose: string) => ({
      ...{ claim: 'pvc-thanos', namespace: NAMESPACE, purpose, method: 'snapshot', by: 'taken' },
      meta: { handle: 'snap-42', driver: 'a.example' },
    });
    const metrics = await chooseVolumes(
      options({ backup: backupOf({ claims }, { volumes: [taken('metrics')] }) }),
    );
    const [left = ''] = metrics.leftOut;
    for (const expected of [
      /snapshot taken \(handle snap-42 of driver a\.example\)/,
      /spec\.source\.snapshotHandle snap-42/,
      /begins empty/,
    ])
      assert.match(left, expected);
    await refused(
      chooseVolumes(options({ backup: backupOf({ claims }, { volumes: [taken('database')] }) })),
      'RESTORE_REFUSED',
      /a snapshot that is not here/,
    );
    api.put(volume('pv-1'));
    const there = await chooseVolumes(
      options({ backup: backupOf({ claims }, { volumes: [taken('metrics')] }) }),
    );
    assert.equal(there.rebinds.length, 1);
    assert.match(there.leftOut[0] ?? '', /snapshot taken of .*: volume pv-1 is here and taken instead/);
    api.put(volume('pv-1', 'Bound'));
    const kept = await chooseVolumes(
      options({ backup: backupOf({ claims }, { volumes: [taken('metrics')] }) }),
    );
    assert.match(kept.leftOut[0] ?? '', /stays bound to pv-1; snapshot taken is not put over it/);
  });

  it('a copy is written unless the operator names the claim of a volume that is there', async () => {
    const backup = backupOf({ claims }, { volumes: [volumeOf('copy')] });
    api.put(volume('pv-1'));
    const copied = await chooseVolumes(options({ backup }));
    assert.deepEqual([copied.copies.length, copied.rebinds], [1, []]);
    for (const rebind of ['pvc-thanos', 'runai-backend/pvc-thanos']) {
      const kept = await chooseVolumes(options({ backup, rebind: [rebind] }));
      assert.deepEqual([kept.copies, kept.rebinds.length], [[], 1]);
    }
    await refused(
      chooseVolumes(options({ backup, rebind: ['other'] })),
      'RESTORE_REFUSED',
      /not one volume for claim other/,
    );
  });
});

describe('the image of the pods that fill volumes', () => {
  const copy = { claim: 'c', namespace: NAMESPACE, purpose: 'metrics', method: 'copy', part: 'p' } as const;
  const options = (more: { registry?: string; images?: readonly string[]; helperImage?: string }) =>
    ({
      installer: {
        bundle: { manifest: { images: (more.images ?? []).map((target) => ({ target })) } },
        ...(more.registry === undefined ? {} : { registry: { text: more.registry } }),
      },
      ...(more.helperImage === undefined ? {} : { helperImage: more.helperImage }),
    }) as unknown as RestoreOptions;

  it('threat 132: without one no volume is left out in silence', () => {
    const rows = [
      { registry: 'r:5000', images: ['runai/thanos:1', 'runai/my-postgresql-exporter:1'] },
      { images: ['runai/postgresql:15'] },
    ];
    for (const row of rows) {
      assert.throws(
        () => helperImageFor([copy], options(row)),
        (error) => {
          assert.ok(isAirgapError(error, 'RESTORE_REFUSED'), String(error));
          assert.match(error.hint ?? '', /--helper-image REF/);
          assert.match(JSON.stringify(error.faults), /runai-backend\/c.*would begin empty/);
          return true;
        },
      );
      assert.equal(helperImageFor([], options(row)), undefined);
      assert.equal(helperImageFor([copy], options({ ...row, helperImage: 'h' })), 'h');
    }
    const found = helperImageFor([copy], options({ registry: 'r:5000', images: ['runai/postgresql:15'] }));
    assert.equal(found, 'r:5000/runai/postgresql:15');
  });
});
