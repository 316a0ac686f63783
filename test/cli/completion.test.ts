import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { candidates } from '../../src/cli/candidates.js';
import { buildProgram } from '../../src/cli/program.js';
import { ROOT } from '../house/sources.js';
import { folderOf } from '../pack/support/folder.js';

const program = buildProgram(
  {
    env: {},
    cwd: '/',
    stdin: Readable.from([]),
    stdout: new PassThrough(),
    now: () => 0,
    signal: new AbortController().signal,
    emit: () => {},
    confirm: undefined,
    version: '0.1.0',
  },
  () => {},
);
const words = (...line: string[]): string[] => candidates(program, line).map(({ word }) => word);

test('verbs, also of a group; hidden ones never', () => {
  assert.deepEqual(words('ver'), ['verify']);
  assert.ok(words('').includes('install'));
  assert.ok(!words('').includes('__complete'));
  assert.deepEqual(words('registry', ''), ['serve', 'help']);
  assert.deepEqual(words('--quiet', 'stat'), ['status']);
});

test('options of the verb and of all; one that was given is not offered again unless it may be repeated', () => {
  assert.deepEqual(words('install', '--backend-v'), ['--backend-values']);
  assert.deepEqual(words('install', 'x.tar', '--log'), ['--log-format']);
  assert.deepEqual(words('install', '--domain', 'd', '--dom'), []);
  assert.deepEqual(words('install', '--domain=d', '--dom'), []);
  assert.deepEqual(words('install', '--backend-set', 'a=b', '--backend-s'), ['--backend-set']);
  assert.deepEqual(words('install', '-y', '--yes'), []);
  assert.deepEqual(words('install', '--', '--dom'), [], 'after -- nothing is an option');
});

test('values of a fixed set, in each way a shell splits them; else nothing, so that files are offered', () => {
  assert.deepEqual(words('install', '-o', ''), ['text', 'json', 'html']);
  assert.deepEqual(words('install', '--output=j'), ['--output=json']);
  assert.deepEqual(words('install', '--output', '=', 'j'), ['json'], 'as bash splits it');
  assert.deepEqual(words('install', '--output', '='), ['text', 'json', 'html']);
  assert.deepEqual(words('completion', ''), ['bash', 'zsh', 'fish']);
  assert.deepEqual(words('verify', ''), []);
  assert.deepEqual(words('install', '--kubeconfig', ''), []);
  assert.deepEqual(words('no-such-verb', ''), []);
});

test('each shell that is here completes with the script that is printed', (t) => {
  const folder = folderOf(t, { 'bundle.tar': '' });
  const airgap = join(folder, 'airgap');
  const entry = `${process.execPath} --import ${join(ROOT, 'node_modules/tsx/dist/loader.mjs')} ${join(ROOT, 'src/main.ts')}`;
  writeFileSync(airgap, `#!/bin/sh\nexec ${entry} "$@"\n`);
  chmodSync(airgap, 0o755);
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` };
  const run = (program: string, args: readonly string[]) =>
    spawnSync(program, args, { cwd: folder, env, encoding: 'utf8' });
  const scriptOf = (shell: string): string => {
    const { status, stdout } = run(airgap, ['completion', shell]);
    assert.equal(status, 0);
    writeFileSync(join(folder, shell), stdout);
    return join(folder, shell);
  };

  // biome-ignore lint/suspicious/noTemplateCurlyInString: words of bash
  const ask = 'COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _airgap; printf "%s\\n" "${COMPREPLY[@]}"';
  const bash = run('bash', [
    '--norc',
    '-c',
    `source ${scriptOf('bash')}; COMP_WORDS=(airgap ver); ${ask}; COMP_WORDS=(airgap install -o ""); ${ask}; complete -p airgap`,
  ]);
  assert.deepEqual(bash.stdout.split('\n').slice(0, 3), ['verify', 'text', 'json'], bash.stderr);
  assert.match(bash.stdout, /complete -o default -F _airgap airgap/);

  for (const [shell, args] of [
    ['zsh', ['-n', scriptOf('zsh')]],
    ['fish', ['--no-config', '-c', `source ${scriptOf('fish')}; complete -C "airgap install -o "`]],
  ] as const) {
    const ran = run(shell, args);
    if (ran.error) console.error(`NOT TESTED: completion in ${shell}, which is not installed here`);
    else assert.equal(ran.status, 0, ran.stderr);
    if (!ran.error && shell === 'fish') assert.match(ran.stdout, /^json\ntext$/m);
  }
});
