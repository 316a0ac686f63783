import { AirgapError } from '../errors.js';
import { readCapped } from './answer.js';
import type { Api } from './api.js';
import { parseNextLink } from './headers.js';
import type { ReadOptions } from './types.js';

const PAGE = 1000;
const PAGE_LIMIT = 16 * 1024 * 1024;
/** Pages followed at most: a registry that links in a circle ends here. */
const MOST_PAGES = 1000;

/** All tags of a repository, following Link headers; empty for a repository that is not there. */
export async function listTags(api: Api, repository: string, options: ReadOptions): Promise<string[]> {
  const what = `the tags of ${api.host}/${repository} cannot be listed`;
  const tags: string[] = [];
  const scopes = [`repository:${repository}:pull`];
  let next: string | URL = `/v2/${repository}/tags/list?n=${PAGE}`;
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer = await api.call({ method: 'GET', to: next, scopes, what, ...options }, [200, 404]);
    const body = await readCapped(answer.body, PAGE_LIMIT);
    if (answer.status === 404) return tags;
    tags.push(...readPage(body, what));
    const link = parseNextLink(String(answer.headers.link ?? ''));
    if (link === undefined) return tags;
    const url = URL.canParse(link, answer.url.href) ? new URL(link, answer.url) : undefined;
    if (!url || url.origin !== api.base.origin) {
      throw new AirgapError('REGISTRY_PROTOCOL', what, { found: 'a Link to another host' });
    }
    next = url;
  }
  throw new AirgapError('REGISTRY_PROTOCOL', what, { found: `more than ${MOST_PAGES} pages` });
}

function readPage(body: Buffer, what: string): string[] {
  try {
    const tags = (JSON.parse(body.toString('utf8')) as { tags?: unknown }).tags ?? [];
    if (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')) return tags;
  } catch {
    // Reported below.
  }
  throw new AirgapError('REGISTRY_PROTOCOL', what, { expected: '{"tags": [...]}', found: 'something else' });
}
