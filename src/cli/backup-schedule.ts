import { type Command, Option } from 'commander';
import { AirgapError } from '../errors.js';
import type { Platform } from '../runai/platform.js';
import {
  addDataOptions,
  chosenParts,
  chosenRetention,
  chosenSavings,
  type DataFlags,
} from './backup-data.js';
import { addRecipientOptions, encryptionOf, type RecipientFlags } from './backup-encryption.js';
import type { CliContext } from './context.js';

interface Flags extends DataFlags, RecipientFlags {
  readonly image: string;
  readonly pullSecret?: string;
  readonly program: string;
  readonly cron: string;
  readonly namespace: string;
  readonly claim?: string;
  readonly size: string;
  readonly storageClass?: string;
  readonly platform: Platform;
  readonly oldPrometheus?: boolean;
  readonly externalDatabase?: boolean;
}

const HELP = `
The account may read what a backup reads, and make pods that read volumes; it may change nothing of the product. The
backups are encrypted for --recipient: make the key elsewhere (airgap backup keygen, or age-keygen) and keep the
private half out of this cluster. A backup that lies in the cluster burns with it: use a claim whose storage is elsewhere (NFS),
or copy the files away.

Any image that has airgap will do; so will the product's own PostgreSQL image with the executable on the claim, which
also lets every dump be listed by pg_restore:
  airgap backup schedule --image registry.site:5000/postgresql:15 --program /backups/airgap --claim backups \\
    --recipient age1… --keep 14 > schedule.yaml
  kubectl apply -f schedule.yaml
  kubectl -n airgap-backup create job --from=cronjob/airgap-backup first        try it now
  kubectl -n airgap-backup logs job/first

Without a CronJob, from a host that reaches the cluster (crontab):
  15 2 * * *  airgap backup create -o /backups/ --recipient age1… --keep 14 --quiet`;

/** `backup schedule`: prints a CronJob and what it needs; nothing is sent to the cluster. */
export function addBackupSchedule(parent: Command, context: CliContext): void {
  const command = parent
    .command('schedule')
    .summary('print a CronJob with the least rights that backs up every night')
    .description(
      'Prints namespace, service account, roles, claim and CronJob as YAML for kubectl apply. Parts and ways are those of backup create; nothing that stops the product is taken.',
    )
    .requiredOption('--image <ref>', 'image that runs airgap')
    .option('--program <path>', 'airgap in that image, or on the claim below /backups', 'airgap')
    .option('--pull-secret <name>', 'secret of the namespace with which the image is pulled')
    .option('--cron <schedule>', 'five fields of cron', '15 2 * * *')
    .option('--namespace <name>', 'namespace of the account and the job', 'airgap-backup')
    .option('--claim <name>', 'claim of that namespace for the backups (default: one is made)')
    .option('--size <quantity>', 'size of the claim that is made', '50Gi')
    .option('--storage-class <name>', 'class of the claim that is made')
    .addOption(
      new Option('--platform <name>', 'platform').choices(['kubernetes', 'openshift']).default('kubernetes'),
    )
    .option(
      '--old-prometheus',
      'the product is of a release up to 2.8: its Prometheus is in namespace monitoring',
    )
    .option('--external-database', 'the database is outside of the cluster: a pod of ours dumps it');
  addRecipientOptions(addDataOptions(command))
    .addHelpText('after', HELP)
    .action((flags: Flags) => run(flags, context));
}

async function run(flags: Flags, context: CliContext): Promise<void> {
  const encryption = await encryptionOf(flags, context);
  if (encryption === 'fresh' || encryption.kind === 'passphrase') {
    throw new AirgapError('USAGE', 'a scheduled backup is encrypted for a key that is not in the cluster', {
      expected: '--recipient age1…, --recipients-file FILE, or --plain',
      found: encryption === 'fresh' ? 'none of them' : '--passphrase-file',
    });
  }
  const [{ scheduleObjects }, { formatYaml }] = await Promise.all([
    import('../recovery/schedule.js'),
    import('../yaml.js'),
  ]);
  const { image, pullSecret, program, cron, namespace, claim, size, storageClass, platform } = flags;
  const objects = scheduleObjects({
    ...{ image, program, cron, namespace, platform },
    choices: chosenParts(flags),
    savings: chosenSavings(flags),
    oldPrometheus: flags.oldPrometheus === true,
    externalDatabase: flags.externalDatabase === true,
    ...(pullSecret === undefined ? {} : { pullSecret }),
    claim:
      claim === undefined
        ? { size, ...(storageClass === undefined ? {} : { storageClass }) }
        : { name: claim },
    args: [
      ...(encryption.kind === 'plain'
        ? ['--plain']
        : encryption.recipients.flatMap((key) => ['--recipient', key])),
      ...dataArgs(flags),
    ],
  });
  context.stdout.write(`${objects.map((object) => formatYaml(object)).join('---\n')}`);
}

/** The flags of `backup create` that say the same. */
function dataArgs(flags: DataFlags): string[] {
  chosenRetention(flags);
  const list = (name: string, values: readonly string[]): string[] =>
    values.length === 0 ? [] : [name, values.join(',')];
  const one = (name: string, value: string | undefined): string[] =>
    value === undefined ? [] : [name, value];
  return [
    ...list('--only', flags.only),
    ...list('--skip', flags.skip),
    ...one('--database-as', flags.databaseAs),
    ...one('--database-by', flags.databaseBy),
    ...one('--metrics-as', flags.metricsAs),
    ...one('--metrics-by', flags.metricsBy),
    ...one('--prometheus-as', flags.prometheusAs),
    ...one('--prometheus-by', flags.prometheusBy),
    ...one('--snapshot-class', flags.snapshotClass),
    ...one('--helper-image', flags.helperImage),
    ...(flags.allowSmaller ? ['--allow-smaller'] : []),
    ...one('--keep', flags.keep),
    ...one('--keep-days', flags.keepDays),
  ];
}
