import { type CodeRow, EXIT } from './row.js';

/** Kubernetes and helm, and what preflight finds: exit 6 and 7. */
export const CLUSTER_CODES = {
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
  DATABASE_LOST: {
    exit: EXIT.cluster,
    meaning: 'After an upgrade the database does not answer, or lacks databases or rows that it had before.',
    next: 'let nobody work with the new version, and look which claims and volumes the database had and has',
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
    meaning:
      'A CRD of the file changes something of the live CRD that cannot be changed (scope, kind, plural).',
    next: 'check that the bundle belongs to this product and site; nothing was applied',
  },
} as const satisfies Record<string, CodeRow>;
