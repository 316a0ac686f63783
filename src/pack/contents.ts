import { createReadStream } from 'node:fs';
import { NAMES } from '../bundle/manifest.js';
import type { OpenEntry } from '../bundle/writer.js';
import type { Digest } from '../oci/types.js';
import { type Findings, uniqueContents } from './plan.js';

/** Where the bytes of every entry come from that the layout does not make itself. */
export function entryContents(findings: Findings): OpenEntry {
  const blobs = uniqueContents(findings.images);
  const charts = new Map(findings.charts.map(({ entry, chart }) => [entry, chart.bytes]));
  const tools = new Map(findings.tools.map(({ entry, path }) => [entry, path]));
  return async ({ path }, signal) => {
    const chart = charts.get(path);
    if (chart) return chart;
    if (path === NAMES.crds && findings.crds) return findings.crds.bytes;
    const tool = tools.get(path);
    if (tool !== undefined) return createReadStream(tool, { highWaterMark: 1024 * 1024 });
    const digest: Digest = `sha256:${path.slice(NAMES.blobs.length)}`;
    const content = blobs.get(digest);
    if (!content) throw new Error(`nothing brings the entry ${path}`);
    if (content.bytes) return content.bytes;
    const { place, descriptor } = content;
    const { source, repository } = place;
    if (source.pourBlob === undefined)
      return { checked: await source.blob(repository, descriptor, { signal }) };
    const pour = source.pourBlob.bind(source, repository, descriptor);
    return { pour: (sink) => pour({ sink, signal }), what: `blob ${digest} of ${place.what}` };
  };
}
