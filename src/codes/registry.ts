import { type CodeRow, EXIT } from './row.js';

/** Registries: exit 5. */
export const REGISTRY_CODES = {
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
    next: 'ask for the right to pull from, push to or create the repositories named here',
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
    meaning: 'The registry lacks content that it lists, or does not give back what was sent.',
    next: 'check the storage of the registry; push again',
  },
} as const satisfies Record<string, CodeRow>;
