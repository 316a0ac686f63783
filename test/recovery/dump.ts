/** An archive of pg_dump in custom format 1.14 with a table of contents and no data blocks worth mentioning. */
export function customDump(tables: readonly { readonly schema: string; readonly name: string }[]): Buffer {
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
      text(''),
      text('postgres'),
      text('false'),
      absent(),
      Buffer.from([2]),
      Buffer.alloc(8),
    ]),
  );
  return Buffer.concat([
    Buffer.from('PGDMP'),
    Buffer.from([1, 14, 0, 4, 8, 1]),
    int(-1),
    ...[0, 0, 10, 21, 10, 126, 0].map(int),
    text('backend'),
    text('15.18'),
    text('15.18'),
    int(entries.length),
    ...entries,
  ]);
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
