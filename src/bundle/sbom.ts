import { createHash } from 'node:crypto';
import { hexOf } from '../oci/digest.js';
import type { BundleChart, BundleImage, BundleTool, Manifest } from './manifest.js';

/** What the SBOM is made of. */
export type Inventory = Pick<
  Manifest,
  'product' | 'version' | 'sourceDate' | 'charts' | 'images' | 'tools' | 'minTool'
>;

/** SHA-256 by entry path, for charts and tools. */
export type DigestOfPath = (path: string) => string | undefined;

/**
 * sbom.cdx.json: CycloneDX 1.5 over what the bundle carries: images, charts, tools. It does not look into the
 * images. The serial number is derived from the content, so that the same inputs give the same bytes.
 */
export function formatSbom(inventory: Inventory, digestOf: DigestOfPath): Buffer {
  const components = [
    ...inventory.charts.map((chart) => chartComponent(chart, digestOf)),
    ...inventory.images.map(imageComponent),
    ...inventory.tools.map((tool) => toolComponent(tool, digestOf)),
  ];
  const root = `${inventory.product}@${inventory.version}`;
  const body = {
    metadata: {
      timestamp: new Date(inventory.sourceDate * 1000).toISOString(),
      tools: { components: [{ type: 'application', name: 'airgap', version: inventory.minTool }] },
      component: {
        type: 'application',
        'bom-ref': root,
        name: inventory.product,
        version: inventory.version,
      },
    },
    components,
    dependencies: [{ ref: root, dependsOn: components.map((component) => component['bom-ref']) }],
  };
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(body))}`,
    version: 1,
    ...body,
  };
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
}

function imageComponent({ source, target, descriptor, platforms }: BundleImage) {
  const hex = hexOf(descriptor.digest);
  const { name, repository, tag } = splitSource(source);
  const query = [`repository_url=${encodeURIComponent(repository)}`];
  if (tag !== undefined) query.push(`tag=${encodeURIComponent(tag)}`);
  return {
    type: 'container',
    'bom-ref': `image:${target}`,
    name: source,
    version: descriptor.digest,
    hashes: [{ alg: 'SHA-256', content: hex }],
    purl: `pkg:oci/${encodeURIComponent(name)}@sha256%3A${hex}?${query.join('&')}`,
    properties: [
      { name: 'airgap:target', value: target },
      { name: 'airgap:mediaType', value: descriptor.mediaType },
      ...platforms.map((value) => ({ name: 'airgap:platform', value })),
    ],
  };
}

function chartComponent(chart: BundleChart, digestOf: DigestOfPath) {
  return {
    type: 'application',
    'bom-ref': `chart:${chart.path}`,
    name: chart.name,
    version: chart.version,
    ...hashesOf(digestOf(chart.path)),
    purl: `pkg:helm/${encodeURIComponent(chart.name)}@${encodeURIComponent(chart.version)}`,
    properties: [
      { name: 'airgap:role', value: chart.role },
      { name: 'airgap:path', value: chart.path },
    ],
  };
}

function toolComponent(tool: BundleTool, digestOf: DigestOfPath) {
  return {
    type: 'application',
    'bom-ref': `tool:${tool.path}`,
    name: tool.name,
    ...(tool.version === undefined ? {} : { version: tool.version }),
    ...hashesOf(digestOf(tool.path)),
    properties: [
      { name: 'airgap:platform', value: tool.platform },
      { name: 'airgap:path', value: tool.path },
    ],
  };
}

function hashesOf(sha256: string | undefined) {
  return sha256 === undefined ? {} : { hashes: [{ alg: 'SHA-256', content: sha256 }] };
}

function splitSource(source: string): { name: string; repository: string; tag?: string } {
  const repositoryAndTag = source.split('@', 1)[0] as string;
  const colon = repositoryAndTag.indexOf(':', repositoryAndTag.lastIndexOf('/') + 1);
  const repository = colon < 0 ? repositoryAndTag : repositoryAndTag.slice(0, colon);
  const name = repository.slice(repository.lastIndexOf('/') + 1);
  return { name, repository, ...(colon < 0 ? {} : { tag: repositoryAndTag.slice(colon + 1) }) };
}

/** A version 8 UUID (RFC 9562): all free bits from the SHA-256 of the content. */
function uuidOf(content: string): string {
  const hex = [...createHash('sha256').update(content).digest('hex').slice(0, 32)];
  hex[12] = '8';
  hex[16] = ((Number.parseInt(hex[16] as string, 16) & 3) | 8).toString(16);
  return hex.join('').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
