/** Where a fact comes from. The vendor's texts have no stable addresses; these names are explained in docs/domain.md. */
export const SOURCES = {
  upgradePage: 'upgrade page, "Upgrade self-hosted Kubernetes installation" (2.9 to 2.11)',
  upgradeSteps: 'upgrade page, "Upgrade the Control Plane" and "Upgrade Cluster"',
  textB: 'upgrade page of later releases: deletes without Helm release secrets (repairs the 2.9 page)',
  textC: 'upgrade page of 2.12 and later, "Upgrade from version 2.7 or 2.8"',
  before26: 'upgrade page of 2.6: NGINX subchart changed',
  textOldOcp: 'OpenShift upgrade page of 2.9 to 2.11',
  textNewOcp: 'OpenShift upgrade page of 2.12 and later',
  clusterPage: 'cluster upgrade page',
  clusterLater: 'cluster upgrade page of 2.13 and later',
  prerequisites: 'prerequisites pages of the release',
  releaseNotes: 'release notes',
  installPage: 'installation pages of the release',
  backupPage: 'backup page, "Backup & Restore"',
  projectPage: 'project management pages',
  crds: 'public repository run-ai/public, folder of the release',
  helmCode: "Helm's behaviour, measured",
  inferred: 'inferred from the charts; not stated in a text',
  ours: 'our own rule (docs/decisions)',
} as const;

export type SourceName = keyof typeof SOURCES;
