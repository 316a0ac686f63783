/** One line of a .helmignore. */
interface Rule {
  readonly negated: boolean;
  readonly folderOnly: boolean;
  /** The pattern is compared with the whole path, else with the last part of it. */
  readonly wholePath: boolean;
  readonly pattern: RegExp;
}

/** Says whether a path (relative to the chart, with /) is left out of the chart. */
export type Ignore = (path: string, entry: { readonly folder: boolean }) => boolean;

/**
 * Reads a .helmignore by helm's rules: globs without **, a slash inside binds to the chart's folder, a slash at
 * the end means folders. A rule with ! leaves out everything that it does not match: that is helm's meaning, not
 * git's. Helm always ignores `templates/.?*`.
 */
export function parseIgnore(text: string): Ignore {
  const lines = [...text.split(/\r?\n/).map((line) => line.trim()), 'templates/.?*'];
  const rules = lines.filter((line) => line !== '' && !line.startsWith('#')).map(ruleOf);
  return (path, { folder }) =>
    rules.some((rule) => {
      const subject = rule.wholePath ? path : path.slice(path.lastIndexOf('/') + 1);
      const matches = (folder || !rule.folderOnly) && rule.pattern.test(subject);
      return rule.negated ? !matches : matches;
    });
}

function ruleOf(line: string): Rule {
  const negated = line.startsWith('!');
  const body = negated ? line.slice(1) : line;
  const folderOnly = body.endsWith('/');
  const glob = folderOnly ? body.slice(0, -1) : body;
  return {
    negated,
    folderOnly,
    wholePath: glob.includes('/'),
    pattern: new RegExp(`^${globSource(glob.replace(/^\//, ''))}$`),
  };
}

/** Go's filepath.Match as a regular expression: * and ? stop at a slash, [...] is a class. */
function globSource(glob: string): string {
  return glob.replace(/\[(\^?)([^\]]+)\]|[*?]|[^*?[]/g, (token, negated?: string, members?: string) => {
    if (members !== undefined) return `[${negated ?? ''}${members.replace(/[\\\]]/g, '\\$&')}]`;
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    return token.replace(/[.+^${}()|\\\]]/g, '\\$&');
  });
}
