import type { PushState } from '../install/push.js';
import type { CopyReport } from '../oci/copy-types.js';
import { printable } from '../redact.js';
import { formatBytes, plural } from './units.js';

/** What a push did: what went over the wire, what was mounted, what was there. */
export function formatPush(report: CopyReport, registry: string): string {
  const { images, sent, mounted, skipped } = report;
  const present = images.filter((image) => image.outcome === 'present').length;
  const replaced = images.filter((image) => image.replaced !== undefined);
  const lines = [
    `${plural(images.length, 'image')} in ${registry}, ${present} of them were there already; all read back`,
    `  sent     ${plural(sent.blobs, 'blob')}, ${formatBytes(sent.bytes)}`,
    `  mounted  ${plural(mounted.blobs, 'blob')}, ${formatBytes(mounted.bytes)}`,
    `  skipped  ${plural(skipped.blobs, 'blob')}, ${formatBytes(skipped.bytes)}`,
    ...replaced.map((image) => {
      const name = `${image.repository}${image.tag === undefined ? '' : `:${image.tag}`}`;
      return `  moved    ${name} from ${image.replaced} to ${image.digest}`;
    }),
  ];
  return `${lines.map((line) => printable(line)).join('\n')}\n`;
}

/** What a push would do. */
export function formatPushState(state: PushState, registry: string): string {
  const { images, missing, different } = state;
  const there = images - missing.length - different.length;
  const lines = [
    `${there} of ${plural(images, 'image')} are in ${registry}`,
    ...missing.map((target) => `  would push ${target}`),
    ...different.map(({ target, found, wanted }) => `  would move ${target} from ${found} to ${wanted}`),
  ];
  return `${lines.map((line) => printable(line)).join('\n')}\n`;
}
