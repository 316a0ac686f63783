import { type CodeRow, EXIT } from './row.js';

/** Specs and bundles that are not what they should be: exit 3. */
export const INVALID_CODES = {
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
  BUNDLE_WRONG: {
    exit: EXIT.invalid,
    meaning: 'The bundle is for another product, or for other nodes than the cluster has.',
    next: 'take the bundle that was packed for this product and for these nodes',
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
  SOURCE_MISSING: {
    exit: EXIT.invalid,
    meaning: 'A file that the spec names (values, CRDs, a tool, an image store) is not there.',
    next: 'check the path or address in the spec; relative paths start at the folder of the spec',
  },
  PLATFORM_MISSING: {
    exit: EXIT.invalid,
    meaning: 'An image does not exist for a platform that the spec asks for.',
    next: 'check platforms in the spec, or use an image that is built for them',
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
} as const satisfies Record<string, CodeRow>;
