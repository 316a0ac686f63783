/** What a command ends with (design.md, section 4). */
export const EXIT = {
  ok: 0,
  internal: 1,
  usage: 2,
  invalid: 3,
  integrity: 4,
  registry: 5,
  cluster: 6,
  preflight: 7,
  backup: 8,
  locked: 9,
  interrupted: 10,
  decision: 11,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** One row of the table: the exit status that a code leads to and what it means, for docs/errors.md. */
interface CodeRow {
  readonly exit: ExitStatus;
  readonly meaning: string;
  /** What to do when the place of the fault has nothing more exact to say. */
  readonly next: string;
}

/**
 * Every code that a user can meet. Closed: a code that is not here does not compile.
 * Sorted by exit status, then by name; docs/errors.md is generated from it.
 */
export const CODES = {
  INTERNAL: {
    exit: EXIT.internal,
    meaning: 'A fault of airgap itself, not of its input.',
    next: 'run the command again with --debug and send the output to support',
  },
  USAGE: {
    exit: EXIT.usage,
    meaning: 'The command line cannot be understood or lacks something.',
    next: 'run the command with --help',
  },
  FILE_NOT_FOUND: {
    exit: EXIT.usage,
    meaning: 'A file named on the command line does not exist or cannot be read.',
    next: 'check the path and its permissions',
  },
  CONFIRMATION_NEEDED: {
    exit: EXIT.usage,
    meaning: 'The command changes something, there is no terminal to ask on, and --yes was not given.',
    next: 'look at the plan with --dry-run, then run the command again with --yes',
  },
  OUTPUT_UNWRITABLE: {
    exit: EXIT.usage,
    meaning: 'The place an output goes to cannot be written.',
    next: 'choose another place with -o or mend its permissions',
  },
  DISK_FULL: {
    exit: EXIT.usage,
    meaning: 'A file system has no room (or no inodes, or no quota) left. What is complete so far is kept.',
    next: 'free the room named here and run the same command again; it goes on where it stopped',
  },
  SPEC_INVALID: {
    exit: EXIT.invalid,
    meaning: 'The spec has faults; all are listed with file, line and column.',
    next: 'mend the places listed and run pack again',
  },
  YAML_INVALID: {
    exit: EXIT.invalid,
    meaning:
      'A YAML or JSON document cannot be read, or breaks a limit (size, depth, aliases, duplicate keys).',
    next: 'mend the place named here',
  },
  VALUES_INVALID: {
    exit: EXIT.invalid,
    meaning: 'A helm values file or setting cannot be used.',
    next: 'mend the file or setting named here',
  },
  NOT_A_BUNDLE: {
    exit: EXIT.invalid,
    meaning: 'The file is not an airgap bundle.',
    next: 'check that this is the runai-air-gapped-<version>.tar that pack wrote',
  },
  BUNDLE_COMPRESSED: {
    exit: EXIT.invalid,
    meaning: 'Somebody compressed the bundle on its way. It is not undone silently.',
    next: 'undo the compression with the command shown',
  },
  BUNDLE_FORMAT_UNKNOWN: {
    exit: EXIT.invalid,
    meaning: 'The bundle was made in a format this airgap does not read.',
    next: 'use the airgap version that the bundle names',
  },
  MANIFEST_INVALID: {
    exit: EXIT.invalid,
    meaning: 'The manifest airgap.json is not well formed, or breaks a limit.',
    next: 'copy the bundle again from its source',
  },
  REFERENCE_INVALID: {
    exit: EXIT.invalid,
    meaning: 'An image reference or digest does not follow the grammar.',
    next: 'write it as registry/repository:tag or registry/repository@sha256:<64 hex digits>',
  },
  IMAGE_UNSUPPORTED: {
    exit: EXIT.invalid,
    meaning:
      'An image uses a manifest kind or digest algorithm that cannot travel (schema 1, sha512, foreign layers).',
    next: 'rebuild or convert the image, or exclude it in the spec',
  },
  IMAGE_INVALID: {
    exit: EXIT.invalid,
    meaning: 'An image manifest, index, layout or archive is not well formed; all its faults are listed.',
    next: 'rebuild or push the image again with a current tool',
  },
  IMAGE_MISSING_IN_BUNDLE: {
    exit: EXIT.invalid,
    meaning: 'A chart names an image that the bundle does not carry.',
    next: 'add the image to images.include, or to images.exclude with a reason',
  },
  IMAGE_TARGET_COLLISION: {
    exit: EXIT.invalid,
    meaning: 'Two images would land on one name in the target registry.',
    next: 'give one of them a target in the spec, or choose relocate: keep-path',
  },
  CHART_INVALID: {
    exit: EXIT.invalid,
    meaning: 'A chart cannot be read, or does not render.',
    next: 'run helm template on the chart with the values named here',
  },
  CHART_NOT_FOUND: {
    exit: EXIT.invalid,
    meaning: 'A chart that the spec names is not there.',
    next: 'check path, repository, name and version in the spec',
  },
  CRDS_INVALID: {
    exit: EXIT.invalid,
    meaning: 'A CRD file cannot be read or holds something that is no CustomResourceDefinition.',
    next: 'check the crds section of the spec',
  },
  LOCK_STALE: {
    exit: EXIT.invalid,
    meaning: 'The lock file does not fit the spec, or is missing although --locked was given.',
    next: 'run pack without --locked to resolve again, and review the change of the lock file',
  },
  TOOL_CHECKSUM: {
    exit: EXIT.integrity,
    meaning: 'A tool does not have the checksum that the spec gives.',
    next: 'check where the tool came from, and the checksum in the spec',
  },
  BUNDLE_TRUNCATED: {
    exit: EXIT.integrity,
    meaning: 'The bundle is shorter or longer than its manifest says.',
    next: 'copy the bundle again; for FAT32 or DVD use pack --split',
  },
  BUNDLE_CORRUPT: {
    exit: EXIT.integrity,
    meaning: 'Bytes of the bundle are not what its manifest says.',
    next: 'copy the bundle again and compare the checksum that pack printed',
  },
  BUNDLE_PART: {
    exit: EXIT.integrity,
    meaning: 'A part of a split bundle is missing, short, swapped or of another bundle.',
    next: 'copy the part named here again',
  },
  BUNDLE_CHANGED: {
    exit: EXIT.integrity,
    meaning: 'The bundle was replaced or modified while it was in use.',
    next: 'put the right file back and run the command again',
  },
  MEDIA_ERROR: {
    exit: EXIT.integrity,
    meaning: 'The medium that holds the bundle cannot be read at a place.',
    next: 'copy the bundle again from its source to another medium',
  },
  BLOB_MISMATCH: {
    exit: EXIT.integrity,
    meaning: 'A blob does not have the digest or size that its descriptor gives.',
    next: 'run the command again; if it persists, the source is damaged',
  },
  SIGNATURE_INVALID: {
    exit: EXIT.integrity,
    meaning: 'The signature does not verify, is not canonical, or is by a key that is not trusted.',
    next: 'ask for the bundle again through another channel and compare the bundle id by voice',
  },
  SIGNATURE_MISSING: {
    exit: EXIT.integrity,
    meaning: 'Trusted keys are configured, and the bundle is not signed.',
    next: 'ask for a signed bundle, or accept this one with --allow-unsigned=<bundle id>',
  },
  TRUST_UNSAFE: {
    exit: EXIT.integrity,
    meaning: 'The folder of trusted keys cannot be trusted (writable by others, a link, unreadable).',
    next: 'mend its owner and mode: chmod go-w',
  },
  BASE_MISSING: {
    exit: EXIT.integrity,
    meaning: 'A delta bundle needs blobs that are neither in the registry nor in the base bundle.',
    next: 'give the older bundle with --base FILE, or use a full bundle',
  },
  REGISTRY_UNREACHABLE: {
    exit: EXIT.registry,
    meaning: 'The registry cannot be reached.',
    next: 'check address, port, DNS, proxy and firewall',
  },
  REGISTRY_TLS: {
    exit: EXIT.registry,
    meaning: 'The TLS connection to the registry fails.',
    next: 'give the CA with --ca-file, or --plain-http for a registry without TLS',
  },
  REGISTRY_AUTH: {
    exit: EXIT.registry,
    meaning: 'The registry refuses the credentials, or wants some and none were found.',
    next: 'run docker login (or give --authfile) for the registry named here',
  },
  REGISTRY_DENIED: {
    exit: EXIT.registry,
    meaning: 'The registry knows who you are and does not allow it.',
    next: 'ask for the right to push to (or create) the repositories named here',
  },
  REGISTRY_NOT_FOUND: {
    exit: EXIT.registry,
    meaning: 'The registry does not have the image, tag or blob.',
    next: 'check the reference; list the tags of the repository',
  },
  REGISTRY_RATE_LIMIT: {
    exit: EXIT.registry,
    meaning: 'The registry limits the rate and did not relent in time.',
    next: 'log in or wait, then run the same command again; it goes on where it stopped',
  },
  REGISTRY_TOO_LARGE: {
    exit: EXIT.registry,
    meaning: 'Something before the registry refuses bodies of this size (413).',
    next: 'raise the body size limit of the ingress or proxy (nginx: client_max_body_size 0)',
  },
  REGISTRY_STORAGE: {
    exit: EXIT.registry,
    meaning: 'The storage of the registry is probably full.',
    next: 'free room in the registry and run the same command again',
  },
  REGISTRY_PROTOCOL: {
    exit: EXIT.registry,
    meaning: 'The registry answers something that the distribution spec does not allow.',
    next: 'check that the address is a registry and what stands between',
  },
  REGISTRY_FAILED: {
    exit: EXIT.registry,
    meaning: 'The registry kept failing after all retries.',
    next: 'look into the log of the registry, then run the same command again',
  },
  REGISTRY_CONTENT: {
    exit: EXIT.registry,
    meaning: 'After the push the registry does not give back what was sent.',
    next: 'check the storage of the registry; push again',
  },
  CLUSTER_UNREACHABLE: {
    exit: EXIT.cluster,
    meaning: 'The Kubernetes API server cannot be reached.',
    next: 'check kubeconfig and context: kubectl cluster-info',
  },
  CLUSTER_CONFIG: {
    exit: EXIT.cluster,
    meaning: 'There is no usable kubeconfig, or it has no such context.',
    next: 'give --kubeconfig and --context: kubectl config get-contexts',
  },
  CLUSTER_DENIED: {
    exit: EXIT.cluster,
    meaning: 'The API server does not allow the request.',
    next: 'use a kubeconfig with cluster-admin rights',
  },
  CLUSTER_REFUSED: {
    exit: EXIT.cluster,
    meaning: 'The API server refuses an object (validation, webhook, quota, immutable field).',
    next: 'mend what the server says and run the same command again',
  },
  APPLY_CONFLICT: {
    exit: EXIT.cluster,
    meaning: 'Fields of an object belong to another field manager.',
    next: 'find out who manages the object before anything is forced',
  },
  CRD_NOT_ESTABLISHED: {
    exit: EXIT.cluster,
    meaning: 'A CRD was applied and the API server does not serve it in time.',
    next: 'look at its conditions: kubectl describe crd <name>',
  },
  EXEC_BROKEN: {
    exit: EXIT.cluster,
    meaning: 'The stream to a command in a pod ended before the command did, or never began.',
    next: 'look at the pod and its node, then run the same command again',
  },
  HELM_MISSING: {
    exit: EXIT.cluster,
    meaning: 'There is no helm, neither on PATH nor in the bundle.',
    next: 'put helm 3.14 or newer on PATH, or pack it into the bundle (tools:)',
  },
  HELM_TOO_OLD: {
    exit: EXIT.cluster,
    meaning: 'helm is older than this release needs.',
    next: 'put a newer helm on PATH, or use the one in the bundle with --helm bundle',
  },
  HELM_FAILED: {
    exit: EXIT.cluster,
    meaning: 'helm ended with a failure.',
    next: 'mend what helm says and run the same command again; it goes on where it stopped',
  },
  HELM_TIMEOUT: {
    exit: EXIT.cluster,
    meaning: 'helm did not end in time.',
    next: 'look at the release with helm history, then run the same command again',
  },
  NOT_HEALTHY: {
    exit: EXIT.cluster,
    meaning: 'What was installed did not become healthy in time; what is not ready is listed with reasons.',
    next: 'mend the causes listed and run the same command again',
  },
  STEP_UNPROVEN: {
    exit: EXIT.cluster,
    meaning: 'A step was performed without an error, yet what it should bring about does not show.',
    next: 'look at the object named here, then run the same command again; it observes first',
  },
  IMAGE_PROOF: {
    exit: EXIT.cluster,
    meaning: 'Pods run images that are not the ones of the bundle.',
    next: 'look at the pods listed',
  },
  PREFLIGHT_FAILED: {
    exit: EXIT.preflight,
    meaning: 'The site does not meet what the release needs; nothing was changed.',
    next: 'mend the findings listed and run the same command again',
  },
  CRD_STORED_VERSION: {
    exit: EXIT.preflight,
    meaning:
      'A CRD of the file lacks a version that is stored in the cluster; the API server would refuse it.',
    next: 'migrate the stored objects first, or check that the bundle is not older than the site',
  },
  CRD_INCOMPATIBLE: {
    exit: EXIT.preflight,
    meaning: 'A CRD of the file changes something of the live CRD that cannot be changed (scope, kind, plural).',
    next: 'check that the bundle belongs to this product and site; nothing was applied',
  },
  BACKUP_INVALID: {
    exit: EXIT.backup,
    meaning: 'A backup is damaged, incomplete, or not a backup.',
    next: 'use another backup: airgap backup list',
  },
  BACKUP_FAILED: {
    exit: EXIT.backup,
    meaning: 'Something could not be saved; no backup was left under its final name.',
    next: 'mend the cause and run the same command again',
  },
  RESTORE_REFUSED: {
    exit: EXIT.backup,
    meaning: 'The target is not empty, or another cluster, and nobody said that this is wanted.',
    next: 'read what would be replaced, then decide with the flag named here',
  },
  RESTORE_FAILED: {
    exit: EXIT.backup,
    meaning: 'The restore could not be finished.',
    next: 'mend the cause and run the same command again; it goes on where it stopped',
  },
  LOCKED: {
    exit: EXIT.locked,
    meaning: 'Another run is at work on the same thing.',
    next: 'wait for it: airgap status',
  },
  LOCK_LOST: {
    exit: EXIT.locked,
    meaning: 'Another run took over while this one was at work; this one stopped before its next change.',
    next: 'look at the other run: airgap status',
  },
  INTERRUPTED: {
    exit: EXIT.interrupted,
    meaning: 'The run was interrupted at a safe place; nothing is half done unrecorded.',
    next: 'run the same command again; it goes on where it stopped',
  },
  DECISION_NEEDED: {
    exit: EXIT.decision,
    meaning: 'Going on needs a decision that only the operator can make.',
    next: 'read the finding and choose one of the flags named here',
  },
  JOURNAL_DAMAGED: {
    exit: EXIT.decision,
    meaning: 'The record of an earlier run is damaged in the middle.',
    next: 'keep the file, and start a new run with --new-run after a look at the cluster',
  },
  RUN_MISMATCH: {
    exit: EXIT.decision,
    meaning: 'An unfinished run belongs to another bundle, plan or cluster.',
    next: 'finish that run first, or give it up with --new-run',
  },
} as const satisfies Record<string, CodeRow>;

export type ErrorCode = keyof typeof CODES;
