import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { ExecOptions, ExecResult, ExecTarget } from '../../../src/kube/types.js';
import { formatList } from '../../../src/recovery/objects.js';
import { FILLING } from '../../../src/recovery/steps/erasable.js';
import type { RestoreWork } from '../../../src/recovery/steps/types.js';
import { volumeStep } from '../../../src/recovery/steps/volume.js';
import { READ_SCRIPT } from '../../../src/recovery/volume-script.js';
import { type Bench, makeBench, object, runStep } from '../../install/support/step.js';

const NAMESPACE = 'runai-backend';
const MARK = 'airgap/restored';
const PART = 'volumes/runai-backend/data.tar';
const ACTION = { kind: 'volume', namespace: NAMESPACE, claim: 'data', part: PART, image: 'i' } as const;
const CLAIM = object('PersistentVolumeClaim', 'data', NAMESPACE, { spec: { volumeName: 'pv-1' } });
const ODD = ['a b', 'new\nline', 'Mod time differs', 'x: Size differs', 'back\\slash', 'ü'];

/** The programs run here, with a folder in place of the volume. */
const inFolder = (folder: string, command: string): string =>
  `cd() { if [ "$1" = /volume ]; then builtin cd "${folder}"; else builtin cd "$@"; fi; }\n${command}`;

describe('a volume that is filled from its copy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'airgap-volume-'));
  const volume = join(folder, 'volume');
  let copy: Buffer;
  let saved: string[];
  let bench: Bench;
  let work: RestoreWork;
  let beforeScript: (script: string) => void = () => {};
  let inSafety: ReadonlySet<string>;

  const list = (): string[] => readdirSync(volume, { recursive: true, encoding: 'utf8' }).sort();
  const empty = (): void => {
    rmSync(volume, { recursive: true, force: true });
    mkdirSync(volume);
  };

  async function exec(target: ExecTarget, options: ExecOptions = {}): Promise<ExecResult> {
    let input = Buffer.alloc(0);
    for await (const piece of options.stdin as Readable) input = Buffer.concat([input, piece]);
    beforeScript(input.subarray(0, 4000).toString('utf8'));
    const [program = '', flag = '', script = '', ...args] = target.command;
    const child = spawn(program, [flag, inFolder(volume, script), ...args]);
    const stdout: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk;
      options.stderr?.write(chunk);
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const [status] = (await once(child, 'close')) as [number];
    options.stderr?.end();
    return { exitCode: status, stdout: Buffer.concat(stdout), stderr, protocol: 'local' };
  }

  before(async () => {
    empty();
    mkdirSync(join(volume, 'lost+found'));
    mkdirSync(join(volume, '.snapshot/hourly'), { recursive: true });
    mkdirSync(join(volume, 'blocks/empty'), { recursive: true });
    for (const name of ODD) writeFileSync(join(volume, 'blocks', name), name);
    linkSync(join(volume, 'blocks/a b'), join(volume, 'hard'));
    const read = spawnSync('bash', ['-c', inFolder(volume, READ_SCRIPT)], { maxBuffer: 1 << 26 });
    assert.equal(read.status, 0, read.stderr.toString());
    copy = read.stdout;
    saved = list().filter((name) => !/^(lost|\.snapshot)/.test(name));
    bench = await makeBench();
    bench.api.onChange = (api) => {
      const claim = api.get('PersistentVolumeClaim', 'data', NAMESPACE);
      if (claim && !claim['spec']) api.put({ ...claim, spec: { volumeName: 'pv-1' } });
      for (const { path } of api.writes) {
        const name = /airgap-write-\w+/.exec(path)?.[0] ?? 'airgap-write-00000000';
        const pod = api.get('Pod', name, NAMESPACE);
        if (pod && !pod['status']) api.put({ ...pod, status: { phase: 'Running' } });
      }
      const web = api.get('Deployment', 'web', NAMESPACE);
      if ((web?.['spec'] as { replicas: number } | undefined)?.replicas === 0)
        api.remove('Pod', 'web-0', NAMESPACE);
    };
  });
  after(async () => {
    await bench?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    empty();
    beforeScript = () => {};
    inSafety = new Set([`${NAMESPACE}/data`]);
    bench.api.writes.length = 0;
    bench.api.remove('PersistentVolumeClaim', 'data', NAMESPACE);
    bench.api.remove('Deployment', 'web', NAMESPACE);
    await bench.context.saved.put('volumes/runai-backend-data-replicas.json', '[]');
    const part = { path: PART, role: 'volume-copy', size: copy.length, sha256: sha256(copy) };
    const claims = { path: 'objects/storage/claims.json', role: 'claims', size: 1, sha256: '' };
    work = {
      backup: {
        manifest: { parts: [part, claims] },
        part: () => part,
        stream: () => Readable.from([copy]),
        read: async () => Buffer.from(formatList([CLAIM])),
      },
      client: { ...bench.api.client, exec },
      random: () => Buffer.alloc(4),
      emit: () => {},
      safety: {
        claims: async (folder: string) => (folder === bench.context.runFolder ? inSafety : new Set()),
      },
    } as unknown as RestoreWork;
  });

  const put = (note?: string): void => {
    const metadata = note === undefined ? {} : { metadata: { annotations: { [FILLING]: note } } };
    bench.api.put(
      object('PersistentVolumeClaim', 'data', NAMESPACE, { ...metadata, spec: { volumeName: 'pv-1' } }),
    );
  };
  const notes = (): Record<string, string | undefined> =>
    bench.api.get('PersistentVolumeClaim', 'data', NAMESPACE)?.metadata.annotations ?? {};
  const fill = (more: { replaces?: true } = {}): Promise<string> =>
    runStep(volumeStep(work, { ...ACTION, ...more }), bench.context);
  const write = (name: string): void => writeFileSync(join(volume, name), 'of the customer');

  it('a fresh one, with what file systems keep on it for themselves', async () => {
    mkdirSync(join(volume, 'lost+found'));
    write('lost+found/#12');
    mkdirSync(join(volume, '.snapshot'));
    write('.snapshot/hourly');
    mkdirSync(join(volume, 'a folder and nothing in it'));
    assert.equal(await fill(), 'done');
    assert.deepEqual(
      list(),
      ['lost+found', 'lost+found/#12', '.snapshot', '.snapshot/hourly', ...saved].sort(),
    );
    assert.deepEqual([notes()[FILLING], notes()[MARK]?.startsWith('run-1 ')], [undefined, true]);
  });

  it('threat 127: one with files that this run did not write is left as it is', async () => {
    mkdirSync(join(volume, 'blocks'));
    write('blocks/newest');
    for (const note of [undefined, 'run-0 fills it', 'run-1 made it']) {
      put(note);
      await assert.rejects(fill(), (error: Error & { code: string; found: string; hint: string }) => {
        assert.equal(error.code, 'RESTORE_REFUSED');
        assert.match(error.found, /\.\/blocks\/newest.* PersistentVolume pv-1/);
        assert.match(error.hint, /--rebind runai-backend\/data/);
        return true;
      });
      assert.deepEqual(list(), ['blocks', 'blocks/newest']);
      assert.equal(notes()[FILLING], note);
    }
  });

  it('threat 127: also when a product is replaced, whose safety backup cannot have held a claim that was not there', async () => {
    write('newest');
    await assert.rejects(fill({ replaces: true }), /holds files that this run did not write/);
    assert.equal(notes()[FILLING], 'run-1 made it');
    await assert.rejects(fill({ replaces: true }), /holds files that this run did not write/);
    assert.deepEqual(list(), ['newest']);
  });

  it('what this run began to write goes away when it goes on', async () => {
    put('run-1 fills it');
    write('half');
    assert.equal(await fill(), 'done');
    assert.deepEqual(list(), saved);
  });

  /** Has the claim mounted; gives its number of replicas. */
  const useIt = (): (() => unknown) => {
    const template = { spec: { volumes: [{ persistentVolumeClaim: { claimName: 'data' } }] } };
    const selector = { matchLabels: { app: 'web' } };
    bench.api.put(object('Deployment', 'web', NAMESPACE, { spec: { replicas: 2, selector, template } }));
    bench.api.put(object('Pod', 'web-0', NAMESPACE, { metadata: { labels: { app: 'web' } } }));
    return () =>
      (bench.api.get('Deployment', 'web', NAMESPACE)?.['spec'] as { replicas: number } | undefined)?.replicas;
  };

  it('threat 127: one that the safety backup does not hold stays as it is, and what has it mounted goes on', async () => {
    inSafety = new Set([`${NAMESPACE}/data-of-the-later-era`, 'runai/data']);
    put();
    write('newest');
    const replicas = useIt();
    for (let attempt = 0; attempt < 2; attempt++) {
      await assert.rejects(fill({ replaces: true }), (error: Error & { code: string; expected: string }) => {
        assert.equal(error.code, 'RESTORE_REFUSED');
        assert.match(error.expected, /in no backup of this run/);
        return true;
      });
      assert.deepEqual([list(), replicas(), notes()[FILLING]], [['newest'], 2, undefined]);
    }
    empty();
    assert.equal(await fill({ replaces: true }), 'done');
    assert.deepEqual([list(), replicas()], [saved, 2]);
  });

  it('threat 129: what is in the safety backup is replaced, while what has it mounted is stopped', async () => {
    put();
    write('newest');
    const replicas = useIt();
    const during: unknown[] = [];
    beforeScript = () => during.push(replicas());
    assert.equal(await fill({ replaces: true }), 'done');
    assert.deepEqual(list(), saved);
    assert.deepEqual(during, [0, 0]);
    assert.equal(replicas(), 2);
  });

  it('a file that somebody else writes meanwhile is told, and one that he changes', async () => {
    const meddle = (act: () => void): void => {
      beforeScript = (script) => {
        if (script.includes('tar --compare')) act();
      };
    };
    meddle(() => write('blocks/by somebody else'));
    await assert.rejects(fill(), (error: Error & { found: string }) => {
      assert.match(error.found, /there are 10 files and folders, and 9 in the copy/);
      return true;
    });
    assert.equal(notes()[MARK], undefined);
    meddle(() => write('blocks/a b'));
    await assert.rejects(fill(), (error: Error & { found: string }) => {
      assert.match(error.found, /a b: (Mod time|Size) differs/);
      return true;
    });
    beforeScript = () => {};
    assert.equal(await fill(), 'done');
    assert.equal(readFileSync(join(volume, 'blocks/a b'), 'utf8'), 'a b');
  });

  it('an empty one is what the copy of an empty one gives', async () => {
    const read = spawnSync('bash', ['-c', inFolder(volume, READ_SCRIPT)]);
    const whole = copy;
    copy = read.stdout;
    const part = { path: PART, role: 'volume-copy', size: copy.length, sha256: sha256(copy) };
    work = { ...work, backup: { ...work.backup, part: () => part } as unknown as RestoreWork['backup'] };
    assert.equal(await fill(), 'done');
    copy = whole;
    assert.deepEqual(list(), []);
  });
});

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
