import * as v from 'valibot';

/*
 * The shape of bundles/*.yaml (design.md, section 3). Unknown keys are faults one by one, which strictObject
 * would not give: it stops at the first. Rules that span fields are in rules.ts.
 */

const text = (what: string) => v.pipe(v.string(what), v.minLength(1, `${what}, not an empty one`));

/** The cast hides the rest type, which is empty: nothing but the entries passes. */
const closed = <const T extends v.ObjectEntries>(entries: T) =>
  v.objectWithRest(entries, v.never('unknown'), 'a mapping') as unknown as v.ObjectSchema<T, string>;

const dnsLabel = v.pipe(
  v.string('a name'),
  v.regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'a Kubernetes name: a-z, 0-9 and -, at most 63 characters'),
);

const version = v.pipe(
  v.string('a version in quotes, so that 2.20 does not become 2.2'),
  v.regex(/^v?\d+(\.\d+)*([-.+][0-9A-Za-z.+-]+)?$/, 'a version such as 2.13.66'),
);

const chartVersion = v.pipe(
  v.string('a version in quotes, so that 2.20 does not become 2.2'),
  v.regex(/^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/, 'one exact version such as 2.13.66'),
);

const toolVersion = v.pipe(
  v.string('a version in quotes'),
  v.regex(/^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$/, 'a version such as v3.14.4'),
);

const platform = v.pipe(
  v.string('a platform such as linux/amd64'),
  v.regex(/^[a-z0-9]+\/[a-z0-9_]+(\/[a-z0-9.]+)?$/, 'os/architecture[/variant] such as linux/amd64'),
);

const httpUrl = v.pipe(
  v.string('an address'),
  v.regex(/^https?:\/\/[^/\s]+/, 'an address that begins with https:// or http://'),
  v.check(
    (url) => !/^https?:\/\/[^/]*@/.test(url),
    'an address without credentials; name environment variables',
  ),
);

const sha256 = v.pipe(
  v.string('a checksum'),
  v.regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits in lower case'),
);

const date = v.pipe(
  v.string('a date and time'),
  v.regex(/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?Z)?$/, 'a time in UTC such as 2024-10-01T00:00:00Z'),
  v.check((given) => Date.parse(given) >= 0, 'a day since 1970 that the calendar has'),
);

const range = v.pipe(
  v.string('a version range in quotes'),
  v.regex(/^\s*((>=|<=|>|<|=)?\s*v?\d+(\.\d+){0,2}\s*)+$/, 'a version range such as ">=1.23 <1.29"'),
);

const envName = v.pipe(
  v.string('the name of an environment variable'),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable'),
);

const credentials = closed({ usernameEnv: envName, passwordEnv: envName });

const host = v.pipe(
  v.string('a registry'),
  v.regex(/^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?$/, 'HOST or HOST:PORT without scheme and path'),
);

const chart = closed({
  role: v.picklist(['control-plane', 'cluster', 'prerequisite'], 'control-plane, cluster or prerequisite'),
  release: dnsLabel,
  namespace: dnsLabel,
  path: v.optional(text('a path')),
  repo: v.optional(httpUrl),
  oci: v.optional(v.pipe(v.string('an address'), v.regex(/^oci:\/\/[^/\s]+\/\S+$/, 'oci://HOST/PATH'))),
  name: v.optional(text('the name of a chart')),
  version: v.optional(chartVersion),
  credentials: v.optional(credentials),
  values: v.optional(v.union([text('a path'), v.array(text('a path'))], 'a path or a list of paths')),
  imageValues: v.optional(v.record(v.string(), v.string('a text, maybe with {{registry}}'), 'a mapping')),
});

const crds = closed({
  path: v.optional(text('a path')),
  url: v.optional(httpUrl),
  sha256: v.optional(sha256),
});

const include = closed({
  ref: v.optional(text('an image reference')),
  from: v.optional(text('oci:DIR:NAME, oci-archive:FILE:NAME or docker-archive:FILE[:NAME]')),
  target: v.optional(text('repository:tag')),
  reason: v.optional(text('a reason')),
});

const exclude = closed({ ref: text('an image reference, * for any characters'), reason: text('a reason') });

const tool = closed({
  name: v.pipe(
    v.string('the name of a program'),
    v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'a plain file name'),
  ),
  platform,
  path: v.optional(text('a path')),
  url: v.optional(httpUrl),
  sha256: v.optional(sha256),
  version: v.optional(toolVersion),
});

export const specSchema = closed({
  apiVersion: v.literal('airgap/v1', 'airgap/v1'),
  kind: v.literal('Bundle', 'Bundle'),
  product: v.pipe(
    v.string('the name of a product'),
    v.regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a name: a-z, 0-9 and -'),
  ),
  version,
  sequence: v.optional(
    v.pipe(
      v.number('a whole number'),
      v.safeInteger('a whole number'),
      v.minValue(1, 'a number greater than 0'),
    ),
  ),
  platforms: v.pipe(v.array(platform, 'a list of platforms'), v.minLength(1, 'at least one platform')),
  sourceDate: v.optional(date),
  requires: v.optional(closed({ kubernetes: v.optional(range), helm: v.optional(range) })),
  charts: v.pipe(v.array(chart, 'a list of charts'), v.minLength(1, 'at least one chart')),
  crds: v.optional(v.array(crds, 'a list of CRD files')),
  images: v.optional(
    closed({
      discover: v.optional(v.boolean('true or false')),
      include: v.optional(v.array(include, 'a list of images')),
      exclude: v.optional(v.array(exclude, 'a list of images')),
    }),
  ),
  relocate: v.optional(
    v.union(
      [v.picklist(['flat', 'keep-path']), closed({ prefix: text('a repository prefix') })],
      'flat, keep-path, or a mapping with prefix',
    ),
  ),
  plainHttp: v.optional(v.array(host, 'a list of registries')),
  tools: v.optional(v.array(tool, 'a list of tools')),
  upgrade: v.optional(closed({ from: range })),
});

/** The spec as it stands in the file, once its shape is right. */
export type RawSpec = v.InferOutput<typeof specSchema>;
export type RawChart = RawSpec['charts'][number];
export type RawImage = NonNullable<NonNullable<RawSpec['images']>['include']>[number];
export type RawFile = NonNullable<RawSpec['crds']>[number];
