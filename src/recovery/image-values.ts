import { textAt } from './value-at.js';

/** The image that a subchart's values name, with the registry that the site put before it; undefined when none. Pure. */
export function imageFromValues(values: unknown, subchart: string): string | undefined {
  const at = (key: string): string | undefined => textAt(values, [subchart, 'image', key]);
  const repository = at('repository');
  const [tag, digest] = [at('tag'), at('digest')];
  if (repository === undefined || (tag === undefined && digest === undefined)) return undefined;
  const registry = textAt(values, ['global', 'imageRegistry']) ?? at('registry');
  const name = registry === undefined || hasHost(repository) ? repository : `${registry}/${repository}`;
  return digest === undefined ? `${name}:${tag}` : `${name}@${digest}`;
}

/** Some values carry the registry inside the repository. */
function hasHost(repository: string): boolean {
  const [first = '', ...rest] = repository.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
}
