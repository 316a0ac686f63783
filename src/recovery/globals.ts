import { AirgapError, type Fault } from '../errors.js';
import { printable } from '../redact.js';

const NAME = String.raw`(?:[a-z_][a-z0-9_$]*|"(?:[^"\n]|"")+")`;
const CREATE = new RegExp(`^CREATE ROLE (${NAME});$`);
const ALTER = new RegExp(`^ALTER ROLE (${NAME}) (?:WITH |IN DATABASE ${NAME} )?[^\\n]*;$`);
const OTHER = new RegExp(`^(?:GRANT ${NAME} TO ${NAME}[^\\n]*|COMMENT ON ROLE ${NAME} IS '[^\\n]*');$`);
const ABOUT = new RegExp(`^(?:CREATE|ALTER|COMMENT ON) ROLE (${NAME})`);
const GRANT = new RegExp(`^GRANT (${NAME}) TO (${NAME})`);
/** What pg_dumpall prints around the statements. */
const AROUND = /^(?:--.*|\s*|SET [a-z_]+ = [^;\n]+;|\\(?:un)?restrict [A-Za-z0-9]+)$/;

/**
 * The statements of `pg_dumpall --globals-only` that bring roles back, one a line. Only statements of known forms are
 * taken: the text goes through psql, which would also obey commands of its own. A role that is there keeps its
 * password: that is the one in the live secret. Tablespaces are left out. Pure.
 * @throws AirgapError RESTORE_FAILED with every line that is something else
 */
export function roleStatements(text: string, existing: ReadonlySet<string>): string[] {
  const faults: Fault[] = [];
  const statements = text.split('\n').flatMap((line, index) => {
    if (AROUND.test(line) || /^(?:CREATE|ALTER) TABLESPACE /.test(line)) return [];
    const fault = {
      where: `line ${index + 1}`,
      what: 'is no statement about a role',
      found: printable(line, 12),
    };
    if (!isOneStatement(line)) {
      faults.push(fault);
      return [];
    }
    const created = CREATE.exec(line)?.[1];
    if (created !== undefined) return existing.has(unquote(created)) ? [] : [line];
    const altered = ALTER.exec(line)?.[1];
    if (altered !== undefined) return [existing.has(unquote(altered)) ? withoutPassword(line) : line];
    if (OTHER.test(line)) return [line];
    faults.push(fault);
    return [];
  });
  if (faults.length === 0) return statements;
  throw new AirgapError('RESTORE_FAILED', 'the roles of the backup hold something else than roles', {
    faults,
  });
}

/** Nothing behind the semicolon at the end, and no backslash that psql would obey, outside of quotes. */
function isOneStatement(line: string): boolean {
  const bare = line.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, '');
  return !/[\\'"]|;.|\$/.test(bare);
}

/**
 * Of such statements those that make some roles, and the roles that these are members of. What is there stays as it is:
 * a server that others use has roles that are none of ours. Who had granted it is left open. Pure.
 */
export function statementsAbout(
  statements: readonly string[],
  roles: ReadonlySet<string>,
  existing: ReadonlySet<string>,
): string[] {
  const wanted = new Set(roles);
  const grants = statements.map((line) => GRANT.exec(line)?.slice(1, 3).map(unquote) ?? []);
  for (let size = -1; size !== wanted.size; ) {
    size = wanted.size;
    for (const [role = '', member = ''] of grants) if (wanted.has(member)) wanted.add(role);
  }
  return statements.flatMap((line, index) => {
    const about = grants[index]?.[1] ?? unquote(ABOUT.exec(line)?.[1] ?? '');
    const isNew = wanted.has(about) && !existing.has(about);
    return isNew ? [line.replace(new RegExp(` GRANTED BY ${NAME};$`), ';')] : [];
  });
}

function withoutPassword(line: string): string {
  return line.replace(/ PASSWORD '(?:[^']|'')*'/, '');
}

function unquote(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
