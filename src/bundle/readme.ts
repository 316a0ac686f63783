import { MEDIA } from '../oci/types.js';
import { type BundleChart, type BundleImage, type DeltaBase, type Manifest, NAMES } from './manifest.js';

/** What README.txt is made of. */
export type ReadmeFacts = Pick<Manifest, 'product' | 'version' | 'charts' | 'crds' | 'images' | 'minTool'> & {
  readonly base?: DeltaBase;
};

/**
 * README.txt: how to install from the extracted files without airgap, with the commands of the vendor's page.
 * Plain ASCII, so that any terminal shows it. It cannot name the bundle id, which depends on it.
 */
export function formatReadme(facts: ReadmeFacts): Buffer {
  const sections = [
    intro(facts),
    checkSection(),
    facts.base ? deltaSection(facts.base) : undefined,
    facts.images.length > 0 ? imageSection(facts.images) : undefined,
    ...(['prerequisite', 'control-plane'] as const).map((role) => chartSection(facts, role)),
    facts.crds.length > 0 ? crdSection() : undefined,
    chartSection(facts, 'cluster'),
  ];
  return Buffer.from(`${sections.filter((section) => section !== undefined).join('\n\n')}\n`);
}

function intro({ product, version, minTool }: ReadmeFacts): string {
  const title = `${product} ${version}: air-gapped bundle`;
  return [
    title,
    '='.repeat(title.length),
    '',
    `With airgap (version ${minTool} or newer) nothing has to be extracted:`,
    '',
    '  airgap verify FILE.tar',
    '  airgap install FILE.tar --registry REGISTRY --domain NAME --dry-run',
    '',
    'Without it, extract the file (tar xf FILE.tar) and go on in the folder, as below.',
  ].join('\n');
}

function checkSection(): string {
  return heading('Check the files', [
    `  sha256sum -c ${NAMES.checksums}`,
    '',
    'This finds damage. Whether the bundle is genuine only its signature tells, when it has one:',
    '',
    `  minisign -V -p VENDOR.pub -m ${NAMES.manifest} -x ${NAMES.signature}`,
  ]);
}

function deltaSection(base: DeltaBase): string {
  return heading('This is a delta bundle', [
    `It holds only what bundle ${base.version} lacks; extract that one first, into the same folder.`,
    `Bundle id of the base: ${base.bundleId}`,
  ]);
}

function imageSection(images: readonly BundleImage[]): string {
  const isOci = ({ descriptor }: BundleImage): boolean =>
    descriptor.mediaType === MEDIA.ociManifest || descriptor.mediaType === MEDIA.ociIndex;
  const oci = images.filter(isOci);
  const docker = images.filter((image) => !isOci(image));
  const lines = ['The folder is an OCI image layout. Set REGISTRY=host:port first.', ''];
  for (const { source, target } of oci) {
    lines.push(`  skopeo copy --all --preserve-digests oci:.:${source} docker://$REGISTRY/${target}`);
  }
  if (docker.length > 0) {
    lines.push(...(oci.length > 0 ? [''] : []));
    lines.push('skopeo does not read Docker schema 2 images from an OCI layout; regctl does:', '');
    for (const { descriptor, target } of docker) {
      lines.push(`  regctl image copy ocidir://.@${descriptor.digest} $REGISTRY/${target}`);
    }
  }
  lines.push('', 'Or straight into the containerd of each node, from the file that was not extracted:', '');
  lines.push('  ctr -n k8s.io images import --all-platforms FILE.tar');
  return heading('Upload the images', lines);
}

function crdSection(): string {
  return heading('Apply the CRDs (before the cluster chart)', [
    `  kubectl apply --server-side -f ${NAMES.crds}`,
  ]);
}

function chartSection(facts: ReadmeFacts, role: BundleChart['role']): string | undefined {
  const charts = facts.charts.filter((chart) => chart.role === role);
  if (charts.length === 0) return undefined;
  return heading(TITLES[role], charts.flatMap(chartLines));
}

const TITLES = {
  prerequisite: 'Install the prerequisites',
  'control-plane': 'Upgrade the control plane',
  cluster: 'Upgrade the cluster',
} as const;

function chartLines(chart: BundleChart): string[] {
  const values = `${chart.release}-values.yaml`;
  const images = Object.entries(chart.imageValues).map(([key, value]) => `  ${key}: ${value}`);
  return [
    `  helm get values ${chart.release} -n ${chart.namespace} > ${values}`,
    `  helm upgrade -i ${chart.release} ${chart.path} -n ${chart.namespace} -f ${values}`,
    ...(images.length > 0
      ? [`Set in ${values}, with the address of the registry for {{registry}}:`, ...images]
      : []),
  ];
}

function heading(title: string, lines: readonly string[]): string {
  return [title, '-'.repeat(title.length), ...lines].join('\n');
}
