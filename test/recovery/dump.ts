export interface DumpOptions {
  /** Of the format; 14 when absent. */
  readonly minor?: number;
  /** Data of each table; a line when absent. */
  readonly data?: Buffer;
}

/** An archive of pg_dump in custom format with a table of contents and a block of data for each table. */
export function customDump(
  tables: readonly { readonly schema: string; readonly name: string }[],
  { minor = 14, data = Buffer.from('1\n\\.\n') }: DumpOptions = {},
): Buffer {
  const entries = tables.map(({ schema, name }, index) =>
    Buffer.concat([
      int(index + 1),
      int(1),
      text('16385'),
      text('0'),
      text(name),
      text('TABLE DATA'),
      int(3),
      text(''),
      text(''),
      text('COPY x FROM stdin;\n'),
      text(schema),
      text(''),
      ...(minor >= 14 ? [text('')] : []),
      ...(minor >= 16 ? [int(114)] : []),
      text('postgres'),
      text('false'),
      text('7'),
      absent(),
      Buffer.from([1]),
      Buffer.alloc(8),
    ]),
  );
  return Buffer.concat([
    Buffer.from('PGDMP'),
    Buffer.from([1, minor, 0, 4, 8, 1]),
    minor >= 15 ? Buffer.from([1]) : int(-1),
    ...[0, 0, 10, 21, 10, 126, 0].map(int),
    text('backend'),
    text('15.18'),
    text('15.18'),
    int(entries.length),
    ...entries,
    ...tables.flatMap((_, index) => block(index + 1, data)),
  ]);
}

/** In two pieces. */
function block(id: number, data: Buffer): Buffer[] {
  const half = data.length >> 1;
  const pieces = [data.subarray(0, half), data.subarray(half)].filter(({ length }) => length > 0);
  return [Buffer.from([1]), int(id), ...pieces.flatMap((piece) => [int(piece.length), piece]), int(0)];
}

function int(value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = value < 0 ? 1 : 0;
  bytes.writeUInt32LE(Math.abs(value), 1);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([int(Buffer.byteLength(value)), Buffer.from(value)]);
}

function absent(): Buffer {
  return int(-1);
}
