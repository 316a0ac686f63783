import { type Document, isMap, isNode, isPair, isScalar, type LineCounter } from 'yaml';

/** Keys and indexes from the root of a document. */
export type Path = readonly (string | number)[];

/** Gives "file:line:column" of a place in a YAML document: of the key, or of the value. */
export interface Locator {
  readonly ofValue: (path: Path) => string;
  readonly ofKey: (path: Path) => string;
  readonly ofOffset: (offset: number) => string;
}

/** A locator over a parsed document; a path that is not there is placed at its nearest parent. */
export function createLocator(document: Document, lines: LineCounter, file: string): Locator {
  const ofOffset = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const ofValue = (path: Path): string => {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = depth === 0 ? document.contents : (document.getIn(path.slice(0, depth), true) as unknown);
      if (isNode(node) && node.range) return ofOffset(node.range[0]);
    }
    return ofOffset(0);
  };
  const ofKey = (path: Path): string => {
    const parent = path.length <= 1 ? document.contents : document.getIn(path.slice(0, -1), true);
    const wanted = path.at(-1);
    if (isMap(parent)) {
      const pair = parent.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(wanted),
      );
      if (pair && isScalar(pair.key) && pair.key.range) return ofOffset(pair.key.range[0]);
    }
    return ofValue(path);
  };
  return { ofValue, ofKey, ofOffset };
}

/** A path as people write it: charts[1].version. */
export function formatPath(path: Path): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`))
    .join('');
}
