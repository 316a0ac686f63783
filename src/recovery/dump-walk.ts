import { AirgapError, isAirgapError } from '../errors.js';
import { printable } from '../redact.js';
import { type DumpHeader, HEADER_LIMIT, parseDumpHeader } from './dump-header.js';

/** What was found in a dump that was read from its first byte to its last. */
export interface WalkedDump {
  readonly header: DumpHeader;
  /** False for an archive format that is newer than what is known here: then only its header was read. */
  readonly isWalked: boolean;
  /** Tables whose data is in it. */
  readonly tables: readonly { readonly schema: string; readonly name: string }[];
  /** Blocks of data, each of one entry of the table of contents. */
  readonly blocks: number;
}

export interface DumpWalk {
  /** The next bytes; none are kept beyond the call but a few. */
  push(bytes: Buffer): void;
  /** What there was, or a text that says what is wrong. */
  end(): WalkedDump | string;
}

/**
 * What reading goes on with: so many bytes (none where the dump may end there), so many passed over, or what there is of
 * so many from here, of which none are taken.
 */
type Wish =
  | { readonly take: number; readonly mayEnd?: true }
  | { readonly skip: number }
  | { readonly head: number };
type Reading<T> = Generator<Wish, T, Buffer>;

const NOTHING = Buffer.alloc(0);
const NEWEST_MINOR = 16;
const NAME_LIMIT = 1024 * 1024;
/** Of the offset that an entry carries: its data is nowhere. */
const NO_DATA = 3;
const [BLOCK_DATA, BLOCK_BLOBS] = [1, 3];

/**
 * Reads a dump in custom format as pg_restore does without a way back (pg_backup_archiver.c and pg_backup_custom.c of
 * PostgreSQL 12 to 18): header, table of contents, then every block of data piece by piece to the end. Each entry with
 * data has its block, and nothing else is there.
 */
export function createDumpWalk(): DumpWalk {
  const reading = readDump();
  let wish = reading.next();
  let pending: Buffer = NOTHING;
  let fault: string | undefined;

  /** Grants wishes as far as the bytes go, and gives those that are left. */
  const feed = (bytes: Buffer, more: 'more' | 'none'): Buffer => {
    let at = 0;
    while (!wish.done) {
      const { value } = wish;
      const left = bytes.length - at;
      if ('skip' in value) {
        const passed = Math.min(left, value.skip);
        at += passed;
        if (passed < value.skip) {
          wish = { done: false, value: { skip: value.skip - passed } };
          return NOTHING;
        }
        wish = reading.next(NOTHING);
      } else if ('head' in value) {
        if (left < value.head && more === 'more') return bytes.subarray(at);
        wish = reading.next(bytes.subarray(at, at + value.head));
      } else {
        const isEnd = more === 'none' && left === 0 && value.mayEnd === true;
        if (left < value.take && !isEnd) return bytes.subarray(at);
        at += value.take;
        wish = reading.next(bytes.subarray(at - value.take, at));
      }
    }
    return NOTHING;
  };
  const feedOrFault = (bytes: Buffer, more: 'more' | 'none'): void => {
    if (fault !== undefined) return;
    try {
      const all = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
      // A copy: whoever gave the bytes may use their memory again.
      pending = Buffer.from(feed(all, more));
    } catch (error) {
      if (!isAirgapError(error)) throw error;
      fault = error.message;
    }
  };
  return {
    push: (bytes) => feedOrFault(bytes, 'more'),
    end() {
      feedOrFault(NOTHING, 'none');
      return fault ?? (wish.done ? wish.value : 'ends within its table of contents or its data');
    },
  };
}

function* readDump(): Reading<WalkedDump> {
  const header = parseDumpHeader(yield { head: HEADER_LIMIT });
  if (typeof header === 'string') throw wrong(header);
  const { minor, offsetSize, entries } = header.layout;
  yield { skip: header.layout.length };
  if (minor > NEWEST_MINOR) return { header, isWalked: false, tables: [], blocks: 0 };
  const waiting = new Map<number, string>();
  const tables: { schema: string; name: string }[] = [];
  for (let index = 0; index < entries; index++) {
    const entry = yield* readEntry(minor, offsetSize);
    if (entry.state === NO_DATA) continue;
    if (waiting.has(entry.id)) throw wrong(`has two entries ${entry.id} in its table of contents`);
    waiting.set(entry.id, `${entry.what} ${entry.schema} ${entry.name}`);
    if (entry.what === 'TABLE DATA') tables.push({ schema: entry.schema, name: entry.name });
  }
  const blocks = yield* readBlocks(waiting);
  const [first] = waiting.values();
  if (first !== undefined) {
    throw wrong(`lacks the data of ${waiting.size} entries, ${printable(first, 200)} the first of them`);
  }
  return { header, isWalked: true, tables, blocks };
}

interface Entry {
  readonly id: number;
  readonly what: string;
  readonly schema: string;
  readonly name: string;
  readonly state: number;
}

function* readEntry(minor: number, offsetSize: number): Reading<Entry> {
  const id = yield* readInt();
  if (id <= 0) throw wrong('has a damaged table of contents');
  yield* readInt();
  for (let field = 0; field < 2; field++) yield* skipText();
  const name = yield* readText();
  const what = yield* readText();
  yield* readInt();
  for (let field = 0; field < 3; field++) yield* skipText();
  const schema = yield* readText();
  // Tablespace, access method from 1.14 on.
  for (let field = minor >= 14 ? 2 : 1; field > 0; field--) yield* skipText();
  if (minor >= 16) yield* readInt();
  // Owner, WITH OIDS; then what it depends on, up to a text that is none.
  for (let field = 0; field < 2; field++) yield* skipText();
  while ((yield* skipText()) === 'text');
  const offset = yield { take: 1 + offsetSize };
  const state = offset.readUInt8(0);
  if (state < 1 || state > NO_DATA) throw wrong('has a damaged table of contents');
  return { id, what, schema, name, state };
}

/** Takes the entries off that their data was found of. */
function* readBlocks(waiting: Map<number, string>): Reading<number> {
  let blocks = 0;
  for (;;) {
    const [type] = yield { take: 1, mayEnd: true };
    if (type === undefined) return blocks;
    const id = yield* readInt();
    if (!waiting.delete(id)) throw wrong(`has data of an entry ${id} that has none, or has it twice`);
    if (type === BLOCK_DATA) yield* readData();
    else if (type === BLOCK_BLOBS) while ((yield* readInt()) !== 0) yield* readData();
    else throw wrong(`has data of an unknown kind ${type}`);
    blocks += 1;
  }
}

/** Pieces, each after its length, up to one of length zero. */
function* readData(): Reading<void> {
  for (;;) {
    const length = yield* readInt();
    if (length < 0) throw wrong('has a piece of data of a negative length');
    if (length === 0) return;
    yield { skip: length };
  }
}

function* readInt(): Reading<number> {
  const bytes = yield { take: 5 };
  const value = bytes.readUInt32LE(1);
  return bytes[0] === 0 ? value : -value;
}

function* readText(): Reading<string> {
  const length = yield* readInt();
  if (length < 0) return '';
  if (length > NAME_LIMIT) throw wrong('has a damaged table of contents');
  return (yield { take: length }).toString('utf8');
}

function* skipText(): Reading<'text' | 'none'> {
  const length = yield* readInt();
  if (length < 0) return 'none';
  yield { skip: length };
  return 'text';
}

function wrong(what: string): AirgapError {
  return new AirgapError('BACKUP_INVALID', what);
}
