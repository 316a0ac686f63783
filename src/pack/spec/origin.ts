import { AirgapError } from '../../errors.js';
import type { ImageOrigin } from './types.js';

const TRANSPORTS = ['oci', 'oci-archive', 'docker-archive'] as const;

/**
 * Reads `oci:DIR:NAME`, `oci-archive:FILE:NAME` or `docker-archive:FILE[:NAME]` as skopeo writes them. The path
 * ends at the first colon, so that a name may hold colons itself (docker-archive names do).
 * @throws AirgapError REFERENCE_INVALID
 */
export function parseOrigin(given: string): ImageOrigin {
  const colon = given.indexOf(':');
  const transport = TRANSPORTS.find((known) => known === given.slice(0, colon));
  if (transport === undefined) {
    throw new AirgapError('REFERENCE_INVALID', `${JSON.stringify(given)} names no kind of image store`, {
      expected: 'oci:DIR:NAME, oci-archive:FILE:NAME or docker-archive:FILE[:NAME]',
      found: given,
    });
  }
  const rest = given.slice(colon + 1);
  const end = rest.indexOf(':');
  const path = end < 0 ? rest : rest.slice(0, end);
  const name = end < 0 ? undefined : rest.slice(end + 1);
  if (path === '' || name === '') {
    throw new AirgapError(
      'REFERENCE_INVALID',
      `${JSON.stringify(given)} lacks its ${path ? 'name' : 'path'}`,
      {
        expected: `${transport}:${transport === 'oci' ? 'DIR' : 'FILE'}:NAME`,
        found: given,
      },
    );
  }
  return { transport, path, given, ...(name === undefined ? {} : { name }) };
}
