import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GrantConditions, NO_CONDITIONS } from '../../../src/wire/grant.ts';
import { readOptions } from '../../../src/workloads/connection/record-options.ts';
import { restrict, termsOf } from '../../../src/workloads/connection/session-terms.ts';
import type { Session } from '../../../src/workloads/workload.ts';

/** What holds under these labels and these conditions. */
function combine(labels: Readonly<Record<string, string>>, conditions: Partial<GrantConditions> | null) {
  const record = { title: 'web-1', labels: Object.entries(labels).map(([key, value]) => ({ key, value })) };
  return restrict(
    readOptions(record),
    conditions === null ? null : { conditions: { ...NO_CONDITIONS, ...conditions } },
  );
}

const FORWARDING = { 'session.port-forwarding': 'on' };

describe('a session gets the stricter of what the record and the grant say', () => {
  it.each([
    ['nothing said', {}, {}, { recording: 'required', clipboard: true, fileTransfer: true, reasonRequired: false }],
    ['an admin, for whom the record counts', { 'session.recording': 'off' }, null, { recording: 'off' }],
    [
      'recording: off, and demanded',
      { 'session.recording': 'off' },
      { recordingRequired: true },
      { recording: 'required' },
    ],
    [
      'recording: optional, and demanded',
      { 'session.recording': 'optional' },
      { recordingRequired: true },
      { recording: 'required' },
    ],
    ['recording: optional, not demanded', { 'session.recording': 'optional' }, {}, { recording: 'optional' }],
    [
      'limit: the record’s is lower',
      { 'session.total-limit': '10s' },
      { sessionMsMax: 20_000 },
      { totalLimitMs: 10_000 },
    ],
    ['limit: the grant’s is lower', { 'session.total-limit': '10s' }, { sessionMsMax: 5_000 }, { totalLimitMs: 5_000 }],
    ['limit: the grant’s alone', {}, { sessionMsMax: 5_000 }, { totalLimitMs: 5_000 }],
    ['limit: the record’s alone', { 'session.total-limit': '10s' }, {}, { totalLimitMs: 10_000 }],
    ['limit: none', {}, {}, { totalLimitMs: null }],
    ['files: the record forbids', { 'session.file-transfer': 'off' }, {}, { fileTransfer: false }],
    [
      'files: the grant forbids',
      { 'session.file-transfer': 'on' },
      { fileTransferForbidden: true },
      { fileTransfer: false },
    ],
    ['clipboard: the record forbids', { 'session.clipboard': 'off' }, {}, { clipboard: false }],
    ['clipboard: the grant forbids', {}, { clipboardForbidden: true }, { clipboard: false }],
    ['reason: the record asks', { 'session.reason': 'required' }, {}, { reasonRequired: true }],
    ['reason: the grant asks', {}, { reasonRequired: true }, { reasonRequired: true }],
    ['forwarding: the record lets', FORWARDING, {}, { portForwarding: true }],
    ['forwarding: would not be recorded', FORWARDING, { recordingRequired: true }, { portForwarding: false }],
    ['forwarding: would carry files', FORWARDING, { fileTransferForbidden: true }, { portForwarding: false }],
  ])('%s', (_, labels, conditions, expected) => {
    expect(combine(labels, conditions)).toMatchObject(expected);
  });

  it('never more than under either alone', () => {
    const demands = fc.record({
      recordingRequired: fc.boolean(),
      sessionMsMax: fc.option(fc.integer({ min: 1, max: 100_000 })),
      clipboardForbidden: fc.boolean(),
      fileTransferForbidden: fc.boolean(),
      reasonRequired: fc.boolean(),
    });
    const label = (key: string, ...words: readonly string[]) =>
      fc.option(fc.constantFrom(...words)).map((value) => (value === null ? {} : { [key]: value }));
    const labels = fc
      .tuple(
        label('session.recording', 'required', 'optional', 'off'),
        label('session.total-limit', '5s', '50s'),
        label('session.clipboard', 'on', 'off'),
        label('session.file-transfer', 'on', 'off'),
        label('session.port-forwarding', 'on', 'off'),
        label('session.reason', 'required', 'optional'),
      )
      .map((parts) => Object.assign({}, ...parts));
    const rank = { required: 0, optional: 1, off: 2 } as const;
    const freedoms = (terms: ReturnType<typeof combine>): readonly number[] => [
      rank[terms.recording],
      terms.totalLimitMs ?? Number.POSITIVE_INFINITY,
      Number(terms.clipboard),
      Number(terms.fileTransfer),
      Number(terms.portForwarding),
      Number(!terms.reasonRequired),
    ];
    fc.assert(
      fc.property(labels, demands, (given, conditions) => {
        const both = freedoms(combine(given, conditions));
        const record = freedoms(combine(given, null));
        expect(both.every((freedom, place) => freedom <= (record[place] ?? 0))).toBe(true);
        const { totalLimitMs, clipboard, fileTransfer } = combine(given, conditions);
        expect(totalLimitMs ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(
          conditions.sessionMsMax ?? Number.POSITIVE_INFINITY,
        );
        expect(clipboard && conditions.clipboardForbidden).toBe(false);
        expect(fileTransfer && conditions.fileTransferForbidden).toBe(false);
      }),
    );
  });

  it('and says who asks for a reason where none is given', () => {
    const ask = (labels: Readonly<Record<string, string>>, reasonRequired: boolean, reason?: string) =>
      termsOf({
        record: { title: 'web-1', labels: Object.entries(labels).map(([key, value]) => ({ key, value })) },
        grant: { name: 'alice', conditions: { ...NO_CONDITIONS, reasonRequired } },
        request: { parameters: reason === undefined ? [] : [{ name: 'reason', value: reason }] },
      } as unknown as Session);
    expect(() => ask({ 'session.reason': 'required' }, false)).toThrow('record "web-1" asks for a reason');
    expect(() => ask({}, true, '  ')).toThrow('the grant of alice asks for a reason');
    expect(ask({ 'session.reason': 'required' }, true, 'T-1')).toMatchObject({ reasonRequired: true });
  });
});
