import { type Command, Option } from 'commander';
import { AirgapError } from '../errors.js';
import {
  CHOICES,
  type Choice,
  type DataChoice,
  type Saving,
  type Savings,
  WAYS,
  type Way,
} from '../recovery/create-types.js';

/** What is saved, and how the data is: flags of `backup create` and `backup schedule`. */
export interface DataFlags {
  readonly only: readonly string[];
  readonly skip: readonly string[];
  readonly databaseAs?: Way;
  readonly databaseBy?: string;
  readonly metricsAs?: Way;
  readonly metricsBy?: string;
  readonly prometheusAs?: Way;
  readonly prometheusBy?: string;
  readonly snapshotClass?: string;
  readonly helperImage?: string;
  readonly allowSmaller?: boolean;
  readonly keep?: string;
  readonly keepDays?: string;
}

const words = (value: string, all: readonly string[]): readonly string[] => [
  ...all,
  ...value.split(',').map((word) => word.trim()),
];

export const DATA_HELP = `
Parts (--only, --skip; several with commas): ${CHOICES.join(', ')}

Ways to save data (--database-as, --metrics-as, --prometheus-as):
  dump       each database through pg_dump in its own snapshot, with its roles; the product runs on (database only)
  copy       the files of the volume through a pod, while the product runs on
  cold-copy  the same with the workload stopped: an outage; its number of replicas is written down first and brought
             back whatever happens (after a kill: airgap backup resume)
  snapshot   a VolumeSnapshot of the CSI driver: the data stays with the storage, the backup holds its handle
or --database-by, --metrics-by, --prometheus-by NAME: the site's own solution saves it, and its name is recorded.`;

export function addDataOptions(command: Command): Command {
  const as = (what: DataChoice, name: string): Option =>
    new Option(`--${what}-as <way>`, `how ${name} is saved (default: ${WAYS[what][0]})`).choices([
      ...WAYS[what],
    ]);
  return command
    .option('--only <parts>', 'nothing but these parts', words, [])
    .option('--skip <parts>', 'not these parts', words, [])
    .addOption(as('database', 'the database'))
    .option('--database-by <name>', 'the site saves the database itself, with this')
    .addOption(as('metrics', 'the Thanos volume'))
    .option('--metrics-by <name>', 'the site saves the Thanos volume itself, with this')
    .addOption(as('prometheus', 'Prometheus’s own volume'))
    .option('--prometheus-by <name>', 'the site saves Prometheus’s volume itself, with this')
    .option('--snapshot-class <name>', 'VolumeSnapshotClass (default: the one of the volume’s driver)')
    .option(
      '--helper-image <ref>',
      'image for pods that read volumes or dump (default: that of the database)',
    )
    .option(
      '--allow-smaller',
      'a database that lost most of its rows since the last backup is right as it is',
    )
    .option(
      '--keep <n>',
      'afterwards delete all but the n newest verified backups beside it that hold as much',
    )
    .option(
      '--keep-days <n>',
      'afterwards delete backups beside it that are older; with --keep the longer rule holds',
    );
}

/** @throws AirgapError USAGE for names that are no parts */
export function chosenParts({ only, skip }: DataFlags): ReadonlySet<Choice> {
  const known = new Set<string>(CHOICES);
  const unknown = [...only, ...skip].filter((word) => !known.has(word));
  if (unknown.length > 0) {
    throw new AirgapError('USAGE', `there is no part ${unknown.join(', ')} in a backup`, {
      expected: CHOICES.join(', '),
      found: unknown.join(', '),
    });
  }
  return new Set(
    CHOICES.filter((each) => (only.length === 0 || only.includes(each)) && !skip.includes(each)),
  );
}

/** @throws AirgapError USAGE when data is to be saved in two ways */
export function chosenSavings(flags: DataFlags): Savings {
  const of = (what: DataChoice): Saving => {
    const { [`${what}As` as const]: way, [`${what}By` as const]: by } = flags;
    if (by === undefined) return { way: way ?? WAYS[what][0] };
    if (way === undefined) return { by };
    throw new AirgapError('USAGE', `the ${what} can be saved in one way only`, {
      expected: `--${what}-as or --${what}-by`,
      found: 'both',
    });
  };
  return { database: of('database'), metrics: of('metrics'), prometheus: of('prometheus') };
}

const DAY = 24 * 3_600_000;

/** @throws AirgapError USAGE */
export function chosenRetention({
  keep,
  keepDays,
}: DataFlags): { readonly keepLast?: number; readonly keepWithin?: number } | undefined {
  if (keep === undefined && keepDays === undefined) return undefined;
  return {
    ...(keep === undefined ? {} : { keepLast: countOf('--keep', keep) }),
    ...(keepDays === undefined ? {} : { keepWithin: countOf('--keep-days', keepDays) * DAY }),
  };
}

function countOf(flag: string, text: string): number {
  if (/^[1-9][0-9]{0,4}$/.test(text)) return Number(text);
  throw new AirgapError('USAGE', `${flag} ${text} is no number of at least 1`, { found: text });
}
