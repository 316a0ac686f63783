import type { Plan } from '../run/types.js';
import { CHOICES, type Choice, type CreateOptions, type DataChoice, USUAL, WAYS } from './create-types.js';
import { describeAddress } from './database-address.js';
import type { LiveSite } from './observe-site.js';
import { stopPlan } from './stop-plan.js';
import type { PlannedVolume } from './volume-plan.js';

/** What a backup is going to hold, for people and for JSON. */
export interface BackupView {
  readonly cluster: { readonly context: string; readonly server: string; readonly uid: string };
  readonly rows: readonly { readonly what: string; readonly how: string }[];
  /** The steps of the outage, where one is needed. */
  readonly plan?: Plan;
}

const SMALL: Readonly<Record<Exclude<Choice, DataChoice>, string>> = {
  config: 'RunaiConfig, projects, departments, node pools, access rules',
  values: 'values of the releases, user-supplied and effective, with their manifests',
  secrets: 'secrets of the product’s namespaces: TLS, CA, pull, database',
  ingress: 'ingresses and routes with their patches',
  rbac: 'namespaces of projects with labels, roles and role bindings; the lists of people',
  assets: 'config maps that users made',
  storage: 'definitions of claims, volumes and storage classes',
};

/** What would be saved and how. Pure. */
export function viewOf(
  site: LiveSite,
  options: Pick<CreateOptions, 'client' | 'choices' | 'savings'>,
): BackupView {
  const { client, choices } = options;
  const rows = CHOICES.flatMap((choice) => {
    if (!choices.has(choice)) return [{ what: choice, how: 'left out' }];
    if (!isData(choice)) return [{ what: choice, how: SMALL[choice] }];
    return dataRows(choice, site, options);
  });
  const stopped = site.volumes.flatMap((volume) => volume.stopped ?? []);
  return {
    cluster: { context: client.context, server: client.server, uid: site.clusterUid },
    rows: [...rows, ...site.others.map((claim) => ({ what: `volume ${claim}`, how: 'not saved' }))],
    ...(stopped.length === 0 ? {} : { plan: stopPlan(site.clusterUid, stopped) }),
  };
}

function dataRows(
  what: DataChoice,
  site: LiveSite,
  { savings = USUAL }: Pick<CreateOptions, 'savings'>,
): BackupView['rows'] {
  const saving = savings[what];
  if ('by' in saving) return [{ what, how: `saved by the site: ${saving.by}` }];
  if (saving.way === 'dump') {
    const where = site.external ? `the server at ${describeAddress(site.external)}` : 'the database’s pod';
    return [{ what, how: `pg_dump of every database of ${where}, and the roles` }];
  }
  const volumes = site.volumes.filter(({ purpose }) => purpose === what);
  if (volumes.length === 0) return [{ what, how: 'there is no volume of it' }];
  return volumes.map((volume) => ({ what, how: `${volume.namespace}/${volume.claim}: ${wayOf(volume)}` }));
}

function wayOf({ saving, stopped, pod, node }: PlannedVolume): string {
  if ('by' in saving) return saving.by;
  if (saving.way === 'snapshot') return 'a VolumeSnapshot; the backup holds its handle';
  if (stopped) return `copied while ${stopped.kind} ${stopped.name} is stopped`;
  return pod === undefined ? 'copied; nothing uses it' : `copied on node ${node} while ${pod} runs`;
}

function isData(choice: Choice): choice is DataChoice {
  return choice in WAYS;
}
