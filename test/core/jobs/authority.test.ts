import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEd25519Verify, type KeyPair, keyPairFromSeed } from '../../../src/base/ed25519.ts';
import { judge, readGrant } from '../../../src/core/jobs/authority.ts';
import { sourceOf } from '../../../src/core/jobs/conditions.ts';
import { type Grant, type GrantConditions, grantSeal, NO_CONDITIONS } from '../../../src/wire/grant.ts';
import { type JobRequest, jobRequestSeal } from '../../../src/wire/job.ts';
import { matchesPattern, permits } from '../../../src/wire/permission.ts';
import type { TargetRecord } from '../../../src/wire/record.ts';
import { seal } from '../../../src/wire/sealed.ts';
import { mutate } from '../../wire/mutate.ts';

const keyOf = (number: number): KeyPair => keyPairFromSeed(new Uint8Array(32).fill(number));
const [admin, secondAdmin, user, stranger] = [keyOf(1), keyOf(2), keyOf(3), keyOf(4)];
const verify = createEd25519Verify();
const NOW = 1_800_000_000_000;
const gateway = {
  uid: 'gateway-1',
  name: 'test',
  adminKeys: [admin.id, secondAdmin.id],
  threshold: 1,
  firstLimit: new Uint8Array(),
  poolKeys: [],
};

const record: TargetRecord = {
  gatewayUid: gateway.uid,
  recordId: 'record-id-of-web-1-000',
  revision: 1,
  deleted: false,
  type: 'machine',
  title: 'web-1',
  host: '192.0.2.1',
  port: 22,
  protocol: 'tcp',
  user: null,
  labels: [],
  changedUnixMs: NOW,
  parentId: null,
};

const grant: Grant = {
  gatewayUid: gateway.uid,
  grantId: 'grant-1',
  name: 'alice',
  userKey: user.id,
  allow: [{ kind: 'tunnel', record: 'web-*' }],
  issuedUnixMs: NOW - 1000,
  expiresUnixMs: NOW + 1000,
  conditions: null,
};

function sealGrant(changes: Partial<Grant> = {}, signers: readonly KeyPair[] = [admin]): Uint8Array {
  return seal(grantSeal, { ...grant, ...changes }, signers);
}

function requestOf(caller: KeyPair, shown: Uint8Array | null, changes: Partial<JobRequest> = {}): JobRequest {
  return {
    gatewayUid: gateway.uid,
    jobId: 'job-0000000000000000-1',
    kind: 'tunnel',
    recordId: record.recordId,
    parent: null,
    parameters: [],
    entry: keyOf(9).id,
    entryStartId: 'a'.repeat(32),
    caller: caller.id,
    deadlineUnixMs: NOW + 10_000,
    grant: shown,
    ...changes,
  };
}

function ask(
  request: JobRequest,
  changes: {
    gateway?: Partial<typeof gateway>;
    record?: Partial<TargetRecord>;
    unixMs?: number;
    source?: string | null;
    orderProblem?: (request: JobRequest, origin: JobRequest | null) => string | null;
  } = {},
) {
  const verdict = judge({
    gateway: { ...gateway, ...changes.gateway },
    verify,
    request,
    record: { ...record, ...changes.record },
    poolUnixMs: changes.unixMs ?? NOW,
    revocation: () => null,
    orderProblem: changes.orderProblem ?? (() => 'not by itself'),
    source: sourceOf(changes.source === undefined ? '192.0.2.99' : changes.source),
  });
  return verdict.kind === 'denied' ? verdict.failure : null;
}

describe('whether a caller may have a job done', () => {
  it('every admin may, without a grant', () => {
    expect(ask(requestOf(admin, null))).toBeNull();
    expect(ask(requestOf(secondAdmin, null), { record: { title: 'anything' } })).toBeNull();
  });

  it('a user may what an admin signed for that key', () => {
    expect(ask(requestOf(user, sealGrant()))).toBeNull();
    expect(ask(requestOf(user, sealGrant({}, [secondAdmin])))).toBeNull();
    expect(ask(requestOf(user, sealGrant({ expiresUnixMs: null })), { unixMs: NOW * 2 })).toBeNull();
    expect(ask(requestOf(user, sealGrant({ allow: [{ kind: '*', record: record.recordId }] })))).toBeNull();
  });

  const damaged = sealGrant();
  damaged[20] = (damaged[20] ?? 0) ^ 1;
  const refusals: readonly (readonly [string, () => ReturnType<typeof ask>, RegExp])[] = [
    ['a key without a grant', () => ask(requestOf(stranger, null)), /no admin of this gateway and shows no grant/],
    ['somebody else with the grant of a user', () => ask(requestOf(stranger, sealGrant())), /for another key/],
    ['a grant that the user signed', () => ask(requestOf(user, sealGrant({}, [user]))), /0 of the 1 admin signature/],
    ['a grant that nobody signed', () => ask(requestOf(user, sealGrant({}, []))), /0 of the 1 admin signature/],
    [
      'a grant with one signature where two are needed',
      () => ask(requestOf(user, sealGrant()), { gateway: { threshold: 2 } }),
      /1 of the 2/,
    ],
    [
      'a grant with the same signature twice where two are needed',
      () => ask(requestOf(user, sealGrant({}, [admin, admin])), { gateway: { threshold: 2 } }),
      /1 of the 2/,
    ],
    [
      'a grant of another gateway',
      () => ask(requestOf(user, sealGrant({ gatewayUid: 'gateway-2' }))),
      /for another gateway/,
    ],
    [
      'a grant that has expired this millisecond',
      () => ask(requestOf(user, sealGrant()), { unixMs: NOW + 1000 }),
      /alice has expired/,
    ],
    ['a changed grant', () => ask(requestOf(user, damaged)), /cannot be read/],
    ['bytes that are no grant', () => ask(requestOf(user, new Uint8Array(40))), /cannot be read/],
    [
      'another kind of job',
      () => ask(requestOf(user, sealGrant(), { kind: 'rotation' })),
      /alice lacks rotation:web-1/,
    ],
    [
      'another record',
      () => ask(requestOf(user, sealGrant()), { record: { title: 'db-1' } }),
      /alice lacks tunnel:db-1/,
    ],
    ['a grant that allows nothing', () => ask(requestOf(user, sealGrant({ allow: [] }))), /alice lacks tunnel:web-1/],
  ];
  it.each(refusals)('not %s', (_name, refused, reason) => {
    const failure = refused();
    expect(failure?.code).toBe('not-allowed');
    expect(failure?.message).toMatch(reason);
  });

  it('needs as many different admins as the gateway says', () => {
    const both = sealGrant({}, [admin, secondAdmin]);
    expect(ask(requestOf(user, both), { gateway: { threshold: 2 } })).toBeNull();
    expect(readGrant(both, { ...gateway, threshold: 2 }, verify)).toMatchObject({ name: 'alice' });
  });
});

describe('a condition', () => {
  /** 2027-01-15 08:00 in UTC, a Friday. */
  const berlin = {
    zone: 'Europe/Berlin',
    offsets: [
      { fromUnixMs: 0, westToEastMinutes: 60 },
      { fromUnixMs: NOW + 90 * 86_400_000, westToEastMinutes: 120 },
    ],
    windows: [{ fromMinute: (4 * 24 + 9) * 60, toMinute: (4 * 24 + 17) * 60 }],
  };
  const hour = 3_600_000;
  const under = (conditions: Partial<GrantConditions>) =>
    sealGrant({ expiresUnixMs: null, conditions: { ...NO_CONDITIONS, ...conditions } });
  const reason = [{ name: 'reason', value: 'ticket 7' }];
  type Asked = Parameters<typeof ask>[1] & { readonly request?: Partial<JobRequest> };

  const table: readonly (readonly [string, Partial<GrantConditions>, Asked, RegExp | null])[] = [
    ['begins with its first millisecond', { notBeforeUnixMs: NOW }, {}, null],
    ['does not count before', { notBeforeUnixMs: NOW + 1 }, {}, /counts from 2027-01-15T/],
    ['counts from the first minute of its hours', { hours: berlin }, {}, null],
    ['not a minute earlier', { hours: berlin }, { unixMs: NOW - 60_000 }, /this hour \(Europe\/Berlin\)/],
    ['to their last minute', { hours: berlin }, { unixMs: NOW + 8 * hour - 1 }, null],
    ['not a moment longer', { hours: berlin }, { unixMs: NOW + 8 * hour }, /at this hour/],
    ['not on another day', { hours: berlin }, { unixMs: NOW + 24 * hour }, /at this hour/],
    ['by the summer time of the zone', { hours: berlin }, { unixMs: NOW + 91 * 24 * hour - hour }, null],
    ['no hours are never', { hours: { ...berlin, windows: [] } }, {}, /at this hour/],
    ['from a range', { sources: ['10.0.0.0/8', '192.0.2.0/24'] }, {}, null],
    ['not from elsewhere', { sources: ['10.0.0.0/8'] }, {}, /does not count from 192\.0\.2\.99/],
    ['not from an address that nobody told', { sources: ['0.0.0.0/0'] }, { source: '' }, /an unknown address/],
    ['not by a range that is none', { sources: ['10.0.0/33'] }, { source: '10.0.0.1' }, /does not count from/],
    ['is judged by whoever saw the client', { sources: ['10.0.0.0/8'] }, { source: null }, null],
    ['recording cannot be had of a tunnel', { recordingRequired: true }, {}, /a tunnel is not recorded/],
    ['a reason must be given', { reasonRequired: true }, {}, /demands a reason/],
    [
      'one of spaces is none',
      { reasonRequired: true },
      { request: { parameters: [{ name: 'reason', value: ' ' }] } },
      /reason/,
    ],
    ['and is', { reasonRequired: true }, { request: { parameters: reason } }, null],
  ];
  it.each(table)('%s', (_name, conditions, { request, ...asked }, refused) => {
    const failure = ask(requestOf(user, under(conditions), request ?? {}), asked);
    if (refused === null) expect(failure).toBeNull();
    else expect(failure).toEqual({ code: 'not-allowed', message: expect.stringMatching(refused) });
  });
});

describe('a mutated grant', () => {
  it('is never accepted, whichever of its bytes was changed, left out or added', () => {
    const whole = sealGrant({ expiresUnixMs: null, conditions: { ...NO_CONDITIONS, sources: ['192.0.2.0/24'] } });
    expect(ask(requestOf(user, whole))).toBeNull();
    const accepted: string[] = [];
    for (let number = 0; number < 1000; number++) {
      const changed = mutate(whole, number);
      if (ask(requestOf(user, changed)) === null) accepted.push(`mutation ${number}`);
    }
    expect(accepted).toEqual([]);
  });
});

describe('a permission', () => {
  const table: readonly (readonly [string, string, string, boolean])[] = [
    ['tunnel', 'web-1', 'tunnel', true],
    ['*', 'web-1', 'rotation', true],
    ['rotation', 'web-1', 'tunnel', false],
    ['tunnel', record.recordId, 'tunnel', true],
    // An id is taken as a whole: whoever wants many records says so by their titles.
    ['tunnel', `${record.recordId.slice(0, 10)}*`, 'tunnel', false],
    ['tunnel', 'WEB-1', 'tunnel', false],
    ['Tunnel', 'web-1', 'tunnel', false],
    // Showing a secret is never meant by `*`.
    ['*', 'web-1', 'reveal', false],
    ['reveal', 'web-1', 'reveal', true],
    ['reveal', 'web-1', 'connection', false],
    ['tunnel', 'label:env=prod', 'tunnel', true],
    ['tunnel', 'label:env=p*d', 'tunnel', true],
    ['tunnel', 'label:env=test', 'tunnel', false],
    ['tunnel', 'label:en*=prod', 'tunnel', false],
    ['tunnel', 'label:env', 'tunnel', false],
    ['tunnel', 'label:=prod', 'tunnel', false],
    ['tun*', 'web-1', 'tunnel', false],
  ];
  it.each(table)('%s:%s covers %s of web-1: %s', (kind, pattern, wanted, covers) => {
    expect(permits({ kind, record: pattern }, wanted, { ...record, labels: [{ key: 'env', value: 'prod' }] })).toBe(
      covers,
    );
  });
});

describe('a pattern', () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ['web-1', 'web-1', true],
    ['web-1', 'web-10', false],
    ['web-*', 'web-', true],
    ['web-*', 'WEB-1', false],
    ['*-1', 'web-1', true],
    ['*', '', true],
    ['', '', true],
    ['', 'x', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['ab*ba', 'aba', false],
    ['*a*b*', 'xxbxxa', false],
    ['*a*b*', 'xxaxxb', true],
    ['**', 'x', true],
    ['a.c', 'abc', false],
    ['[ab]', 'a', false],
    ['$&', '$&', true],
    ['*\n*', 'a\nb', true],
  ];
  it.each(table)('%j matches %j: %s', (pattern, title, matches) => {
    expect(matchesPattern(pattern, title)).toBe(matches);
  });

  it('is that of a regular expression with every other character taken literally', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.', '\\'), maxLength: 10 });
    fc.assert(
      fc.property(letters, letters, (pattern, title) => {
        const source = pattern
          .split('*')
          .map((part) => part.replace(/[.\\]/g, '\\$&'))
          .join('[^]*');
        expect(matchesPattern(pattern, title)).toBe(new RegExp(`^${source}$`).test(title));
      }),
      { numRuns: 5000 },
    );
  });

  it('takes time in proportion to its length, whatever an admin signed', () => {
    const title = `${'a'.repeat(120)}b`;
    const pattern = `${'*a'.repeat(60)}*c`;
    const beganAtMs = performance.now();
    for (let time = 0; time < 1000; time++) expect(matchesPattern(pattern, title)).toBe(false);
    // A backtracking matcher would not finish one of these in a lifetime.
    expect(performance.now() - beganAtMs).toBeLessThan(2000);
  });
});

describe('whether an instance may go on with what a caller began', () => {
  const instance = keyOf(8);
  const goesOn = (origin: Uint8Array): JobRequest =>
    requestOf(instance, origin, { entry: instance.id, kind: 'discovery', recordId: 'scope' });
  const began = (caller: KeyPair, shown: Uint8Array | null, signers: readonly KeyPair[] = [caller]): Uint8Array =>
    seal(jobRequestSeal, requestOf(caller, shown, { kind: 'discovery', recordId: 'scope' }), signers);
  const scans = { allow: [{ kind: 'discovery' as const, record: '*' }] };
  const orderProblem = (): null => null;
  const may = (origin: Uint8Array, more: Parameters<typeof ask>[1] = {}): string | null =>
    ask(goesOn(origin), { orderProblem, source: null, ...more })?.message ?? null;

  it('it may as far as the caller may: an admin, or a user with a grant that counts', () => {
    expect(may(began(admin, null))).toBeNull();
    expect(may(began(user, sealGrant(scans)))).toBeNull();
  });

  it('it may not without the signature of who began it, without a grant that counts, or beyond it', () => {
    expect(may(began(admin, null, [instance]))).toContain('without its signature');
    expect(may(began(user, null))).toContain('showed no grant');
    expect(may(began(user, sealGrant()))).toContain('lacks discovery');
    expect(may(began(stranger, sealGrant(scans)))).toContain('another key');
    expect(may(began(user, sealGrant(scans)), { unixMs: NOW + 2000 })).toContain('expired');
    expect(may(began(user, sealGrant(scans, [user])))).toContain('admin signature');
    expect(may(began(admin, null), { orderProblem: () => 'no' })).toBe('no');
  });
});
