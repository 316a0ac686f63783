import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { CliContext } from './context.js';

const HELP = `
The file is an age identity file, as age-keygen writes it. Keep it and a copy of it away from the cluster; give the
public key that is printed to backup create and backup schedule.

Example:
  airgap backup keygen -o runai-backup.key`;

/** `backup keygen`: a key for backups to come. */
export function addBackupKeygen(parent: Command, context: CliContext): void {
  parent
    .command('keygen')
    .summary('make an age key that backups are encrypted for')
    .requiredOption('-o, --out <file>', 'the identity file, mode 0600; never an existing one')
    .addHelpText('after', HELP)
    .action(async ({ out }: { readonly out: string }) => {
      const { generateIdentity, writeIdentityFile } = await import('../recovery/archive/age/keys.js');
      const identity = generateIdentity();
      await writeIdentityFile(resolve(context.cwd, out), identity, new Date(context.now()).toISOString());
      context.stdout.write(`${identity.recipient}\n`);
    });
}
