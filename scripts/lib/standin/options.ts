import { parseArgs } from 'node:util';
import { FAULTS, type Fault, parseFault } from './faults.js';

/** What the command line asks for. */
export interface Options {
  readonly version: string;
  readonly out: string;
  readonly crds?: string;
  readonly registry?: string;
  readonly helm?: string;
  readonly fault?: Fault;
  readonly full: boolean;
  readonly postgresql: boolean;
  readonly platforms: readonly string[];
}

export const USAGE = `usage: scripts/standin --version V --out DIR [options]

  --version V            2.3 to 2.20, with or without a patch level
  --out DIR              gets charts/, images/, archives/, runai-crds.yaml and spec.yaml
  --crds FILE            the CRD file to use; else one from the folder AIRGAP_TEST_CRDS, else small ones
  --registry HOST:PORT   push the images there over plain HTTP and let the charts name them there
  --helm PATH            a helm for linux/amd64 that the bundle shall carry
  --platforms LIST       platforms of the spec (default linux/amd64)
  --full                 render every Deployment of the version, not only what a small node bears
  --no-postgres          no real database: a plain stand-in in its place, made in a second
  --broken KIND          one fault: ${Object.keys(FAULTS).join(', ')}
`;

/**
 * Reads the command line.
 * @throws Error when something is missing or unknown
 */
export function parseOptions(argv: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      version: { type: 'string' },
      out: { type: 'string' },
      crds: { type: 'string' },
      registry: { type: 'string' },
      helm: { type: 'string' },
      platforms: { type: 'string', default: 'linux/amd64' },
      broken: { type: 'string' },
      full: { type: 'boolean', default: false },
      'no-postgres': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const { version, out, crds, registry, helm, broken } = values;
  if (version === undefined) throw new Error('--version V is missing');
  if (out === undefined) throw new Error('--out DIR is missing');
  return {
    version,
    out,
    full: values.full,
    postgresql: !values['no-postgres'],
    platforms: values.platforms.split(','),
    ...(crds === undefined ? {} : { crds }),
    ...(registry === undefined ? {} : { registry }),
    ...(helm === undefined ? {} : { helm }),
    ...(broken === undefined ? {} : { fault: parseFault(broken) }),
  };
}
