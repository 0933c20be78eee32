import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findReadOnlySwitch } from '../../../src/workloads/connection/database/guard.ts';
import { encodeError, encodePacket } from '../../../src/workloads/connection/mysql/packets.ts';
import { MysqlStatements } from '../../../src/workloads/connection/mysql/statements.ts';
import { encodeFatal, encodeMessage, int32 } from '../../../src/workloads/connection/postgres/messages.ts';
import { PostgresStatements } from '../../../src/workloads/connection/postgres/statements.ts';
import type { StatementEvent } from '../../../src/workloads/connection/statement-sink.ts';

/** What each side says, in turns. */
type Turn = readonly ['client' | 'server', Buffer];

/** Numbers that say where to cut. */
const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 200 });

function events(turns: readonly Turn[], sizes: readonly number[], protocol: 'postgres' | 'mysql'): string[] {
  const seen: StatementEvent[] = [];
  const sink = { take: (event: StatementEvent) => void seen.push(event) };
  const watcher =
    protocol === 'postgres' ? new PostgresStatements({ sink }) : new MysqlStatements({ sink, capabilities: 0 });
  let next = 0;
  for (const [side, bytes] of turns) {
    for (let at = 0; at < bytes.length; ) {
      const end = at + (sizes[next++ % Math.max(1, sizes.length)] ?? bytes.length);
      if (side === 'client') watcher.fromClient(bytes.subarray(at, end), next);
      else watcher.fromServer(bytes.subarray(at, end), next);
      at = end;
    }
  }
  return seen.map((event) => {
    if (event.kind === 'sent') return `${event.number} ${event.text.slice(0, 30)}${event.isCut ? '…' : ''}`;
    return `${event.number} ${event.kind} ${event.kind === 'done' ? event.rows : event.code}`;
  });
}

const ready = encodeMessage('Z', Buffer.from('I'));
const POSTGRES: readonly Turn[] = [
  ['client', encodeMessage('Q', 'SELECT 1; SELECT 2')],
  [
    'server',
    Buffer.concat([
      encodeMessage('D', Buffer.alloc(300)),
      encodeMessage('C', 'SELECT 1'),
      encodeMessage('C', 'SELECT 1'),
      ready,
    ]),
  ],
  [
    'client',
    Buffer.concat([
      encodeMessage('P', 'a', 'INSERT INTO t VALUES ($1)', Buffer.alloc(2)),
      encodeMessage('B', '', 'a', Buffer.alloc(6)),
      encodeMessage('E', '', int32(0)),
    ]),
  ],
  [
    'client',
    Buffer.concat([encodeMessage('B', '', 'a', Buffer.alloc(6)), encodeMessage('E', '', int32(0)), encodeMessage('S')]),
  ],
  [
    'server',
    Buffer.concat([
      encodeMessage('1'),
      encodeMessage('2'),
      encodeMessage('C', 'INSERT 0 7'),
      encodeMessage('2'),
      encodeFatal('23505', 'twice'),
      ready,
    ]),
  ],
  ['client', encodeMessage('Q', `SELECT '${'x'.repeat(70_000)}'`)],
  ['server', Buffer.concat([encodeFatal('57014', 'cancelled'), ready])],
  ['client', encodeMessage('Q', 'COPY t FROM STDIN')],
  ['server', encodeMessage('G', Buffer.alloc(3))],
  [
    'client',
    Buffer.concat([
      encodeMessage('d', Buffer.alloc(5000, 'Q')),
      encodeMessage('d', Buffer.alloc(10)),
      encodeMessage('c'),
    ]),
  ],
  ['server', Buffer.concat([encodeMessage('C', 'COPY 2'), ready])],
];

const eof = (status: number): Buffer => Buffer.of(0xfe, 0, 0, status, 0);
const MYSQL: readonly Turn[] = [
  ['client', encodePacket(0, Buffer.from('\x03SELECT n FROM t'))],
  [
    'server',
    Buffer.concat(
      [Buffer.of(1), Buffer.alloc(40, 3), eof(2), Buffer.alloc(300, 1), Buffer.of(0xfb), eof(2)].map((payload, place) =>
        encodePacket(place + 1, payload),
      ),
    ),
  ],
  ['client', encodePacket(0, Buffer.from('\x16INSERT INTO t VALUES (?)'))],
  [
    'server',
    Buffer.concat(
      [Buffer.of(0, 5, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0), Buffer.alloc(40, 3), eof(2)].map((payload, place) =>
        encodePacket(place + 1, payload),
      ),
    ),
  ],
  ['client', encodePacket(0, Buffer.from([0x17, 5, 0, 0, 0, 0, 1, 0, 0, 0]))],
  ['server', encodePacket(1, Buffer.of(0, 7, 0, 2, 0, 0, 0))],
  ['client', encodePacket(0, Buffer.from("\x03LOAD DATA LOCAL INFILE 'f' INTO TABLE t"))],
  ['server', encodePacket(1, Buffer.of(0xfb, 0x66))],
  // A long file: the numbers of its packets come round to 0, and its bytes look like commands.
  ['client', Buffer.concat(Array.from({ length: 300 }, (_, place) => encodePacket(place + 2, Buffer.of(0x11, 0x03))))],
  ['server', encodePacket(47, Buffer.of(0, 9, 0, 2, 0, 0, 0))],
  ['client', encodePacket(0, Buffer.from('\x03CALL p()'))],
  [
    'server',
    Buffer.concat(
      [Buffer.of(0, 1, 0, 8, 0, 0, 0), encodeError(1146, 'no table', '42S02')].map((payload, place) =>
        encodePacket(place + 1, payload),
      ),
    ),
  ],
];

describe('the statements of a session', () => {
  it('are the same however the bytes are cut, in PostgreSQL', () => {
    const whole = [
      '1 SELECT 1; SELECT 2',
      '1 done 2',
      '2 INSERT INTO t VALUES ($1)',
      '3 INSERT INTO t VALUES ($1)',
      '2 done 7',
      '3 failed 23505',
    ];
    const rest = [`4 SELECT '${'x'.repeat(22)}…`, '4 failed 57014', '5 COPY t FROM STDIN', '5 done 2'];
    expect(events(POSTGRES, [], 'postgres')).toEqual([...whole, ...rest]);
    fc.assert(
      fc.property(cuts, (sizes) => {
        expect(events(POSTGRES, sizes, 'postgres')).toEqual([...whole, ...rest]);
      }),
      { numRuns: 30 },
    );
  });

  it('are the same however the bytes are cut, in MySQL', () => {
    const whole = [
      '1 SELECT n FROM t',
      '1 done 2',
      '2 INSERT INTO t VALUES (?)',
      '2 done 7',
      "3 LOAD DATA LOCAL INFILE 'f' INT",
      '3 done 9',
      '4 CALL p()',
      '4 failed 1146 42S02',
    ];
    expect(events(MYSQL, [], 'mysql')).toEqual(whole);
    fc.assert(
      fc.property(cuts, (sizes) => {
        expect(events(MYSQL, sizes, 'mysql')).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });

  it('count a row of MySQL that goes on in a second packet once', () => {
    const answer = [Buffer.of(1), Buffer.alloc(40, 3), eof(2), Buffer.alloc(0xffffff, 1), Buffer.alloc(10, 1), eof(2)];
    const turns: readonly Turn[] = [
      ['client', encodePacket(0, Buffer.from('\x03SELECT large'))],
      ['server', Buffer.concat(answer.map((payload, place) => encodePacket(place + 1, payload)))],
    ];
    expect(events(turns, [], 'mysql')).toEqual(['1 SELECT large', '1 done 1']);
  });

  it('survive any bytes whatever', () => {
    const bytes = fc.array(
      fc.tuple(fc.constantFrom('client' as const, 'server' as const), fc.uint8Array({ maxLength: 300 })),
    );
    fc.assert(
      fc.property(bytes, fc.constantFrom('postgres' as const, 'mysql' as const), (turns, protocol) => {
        events(
          turns.map(([side, chunk]) => [side, Buffer.from(chunk)]),
          [],
          protocol,
        );
      }),
    );
  });
});

describe('what would end the reading-only of a session', () => {
  it.each([
    'BEGIN READ WRITE',
    'begin read\n/* ; */ write',
    'SET default_transaction_read_only = off',
    'set transaction_read_only to off',
    "SELECT set_config('transaction_read_only', 'off', false)",
    'SET @@session.tx_read_only=0',
    'SET SESSION AUTHORIZATION postgres',
  ])('is found: %s', (text) => {
    expect(findReadOnlySwitch(text)).toBeDefined();
  });

  it.each(['SELECT read, write FROM t', 'SHOW transaction_read_only', 'BEGIN READ ONLY', 'SELECT 1'])(
    'is not found: %s',
    (text) => {
      expect(findReadOnlySwitch(text)).toBeUndefined();
    },
  );
});
