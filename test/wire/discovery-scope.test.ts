import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, isWithin, parseRange, sizeOf } from '../../src/base/ipv4-range.ts';
import { parseNetworkRange } from '../../src/base/network-range.ts';
import { COMMON_PORTS, PORTS_MAX, parsePorts } from '../../src/wire/discovery-ports.ts';
import {
  assertAddressAllowed,
  assertAllowed,
  PARTS_MAX,
  partsOf,
  readScope,
  type Scope,
  scopeId,
  scopeIds,
  scopeOfPart,
} from '../../src/wire/discovery-scope.ts';

const target = (value: string) => ({ name: 'target', value });
const scope = (...targets: string[]) => readScope([...targets.map(target), { name: 'ports', value: '22' }]);

describe('a range', () => {
  it.each([
    ['10.0.0.5', '10.0.0.5', 1],
    ['10.0.0.77/24', '10.0.0.0', 256],
    ['10.0.0.0/32', '10.0.0.0', 1],
    ['0.0.0.0/0', '0.0.0.0', 2 ** 32],
    ['10.0.0.5-10.0.0.9', '10.0.0.5', 5],
    ['255.255.255.255', '255.255.255.255', 1],
  ])('%s begins at %s and has %i addresses', (text, first, size) => {
    const range = parseRange(text);
    expect(range === undefined ? undefined : [formatAddress(range.first), sizeOf(range)]).toEqual([first, size]);
  });

  it.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.0/33',
    '10.0.0.9-10.0.0.5',
    '10.0.0.0/8/8',
    '10.0.0.1-',
    'web-1',
    '::1',
    ' 10.0.0.1',
  ])('%j is none', (text) => expect(parseRange(text)).toBeUndefined());

  it('is within others exactly when each of its addresses is in one of them', () => {
    const small = fc.tuple(fc.nat(40), fc.nat(8)).map(([first, more]) => ({ first, last: first + more }));
    fc.assert(
      fc.property(small, fc.array(small, { maxLength: 5 }), (range, others) => {
        const each = Array.from({ length: sizeOf(range) }, (_, index) => range.first + index);
        const all = each.every((one) => others.some(({ first, last }) => first <= one && one <= last));
        expect(isWithin(range, others)).toBe(all);
      }),
    );
  });
});

describe('ports', () => {
  it('are a list, ranges, and the common ones', () => {
    expect(parsePorts('80,22,8000-8002,22')).toEqual([22, 80, 8000, 8001, 8002]);
    expect(parsePorts('common')).toEqual(COMMON_PORTS);
    expect(parsePorts('common,4711')).toContain(4711);
  });

  it.each(['', '0', '65536', '22-', '80-22', '22;80', 'ssh', `1-${PORTS_MAX + 1}`])('%j is refused', (text) => {
    expect(() => parsePorts(text)).toThrow(/^--ports: /);
  });
});

describe('the scope of a discovery', () => {
  it.each([
    [[], '0 targets'],
    [[target('web_1')], 'no address, range or host name'],
    [[target('10.0.0.0/15')], '131072 addresses; at most 65536'],
    [[target('10.0.0.1'), { name: 'rate', value: '0' }], '1 to 2000'],
    [[target('10.0.0.1'), { name: 'rate', value: 'fast' }], '1 to 2000'],
  ])('%j is refused', (parameters, why) => {
    expect(() => readScope(parameters)).toThrow(why);
  });

  it('has the same name whatever the order, and another one for anything else', () => {
    expect(scopeId(scope('10.0.0.1', '10.0.0.9'))).toBe(scopeId(scope('10.0.0.9', '10.0.0.1')));
    expect(scopeId(scope('10.0.0.0/24'))).toBe(scopeId(scope('10.0.0.0-10.0.0.255')));
    expect(scopeId(scope('10.0.0.1'))).not.toBe(scopeId(scope('10.0.0.2')));
    expect(scopeId(scope('10.0.0.1'))).toHaveLength(22);
  });

  it('is refused outside of what is allowed, with the remedy', () => {
    const allowed = [parseRange('10.0.0.0/8') ?? { first: 0, last: 0 }];
    expect(() => assertAllowed(scope('10.1.2.3'), allowed)).not.toThrow();
    expect(() => assertAllowed(scope('10.255.255.0-11.0.0.0'), allowed)).toThrow(
      '10.255.255.0-11.0.0.0 is outside of what this instance may scan: 10.0.0.0-10.255.255.255',
    );
  });
});

describe('the parts of a range', () => {
  const small = fc.tuple(fc.nat(5000), fc.nat(3000)).map(([first, more]) => ({ first, last: first + more }));
  const wholes = fc.record({
    ranges: fc.array(small, { minLength: 1, maxLength: 4 }),
    ports: fc.constantFrom([22], [22, 80, 443], COMMON_PORTS),
    ratePerSecond: fc.constant(500),
    hosts: fc.constantFrom([], ['::1', 'web-1.example.org']),
    part: fc.constant(null),
  });

  it('are the whole together, in order, and meet no address twice', () => {
    fc.assert(
      fc.property(wholes, (whole) => {
        const of = partsOf(whole);
        const addressesIn = ({ ranges, hosts }: Pick<Scope, 'ranges' | 'hosts'>): readonly unknown[] => [
          ...ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, index) => first + index)),
          ...hosts,
        ];
        const parts = Array.from({ length: of }, (_, index) => scopeOfPart({ ...whole, part: { index, of } }));
        expect(parts.flatMap(addressesIn)).toEqual(addressesIn(whole));
        expect(parts.every((part) => part.ranges.length + part.hosts.length > 0)).toBe(true);
        expect(scopeIds(whole)).toEqual(scopeIds({ ...whole, part: { index: of - 1, of } }));
      }),
      { numRuns: 50 },
    );
  });

  it('are few for a small range and bounded for a large one', () => {
    const count = (...args: string[]) =>
      partsOf(readScope([target(args[0] ?? ''), { name: 'ports', value: args[1] ?? '' }]));
    expect([count('10.0.0.0/24', '22'), count('10.0.0.0/24', 'common'), count('10.0.0.0/18', '22')]).toEqual([1, 1, 4]);
    expect(count('10.0.0.0/16', 'common')).toBe(PARTS_MAX);
  });

  it.each(['4/4', '-1/4', '0/3', '0/65', 'x', '0/0', '1'])('%j is none', (value) => {
    const asked = [target('10.0.0.0/18'), { name: 'ports', value: '22' }, { name: 'part', value }];
    expect(() => readScope(asked)).toThrow('is none of 0/4 to 3/4');
  });
});

describe('hosts of a discovery', () => {
  it.each([
    ['WEB-1.example.org', ['web-1.example.org']],
    ['::1', ['::1']],
    ['2001:0DB8:0:0::5', ['2001:db8::5']],
    ['fd00::1:fc/126', ['fd00::1:fc', 'fd00::1:fd', 'fd00::1:fe', 'fd00::1:ff']],
  ])('%s are names and IPv6 addresses', (text, hosts) => expect(scope(text)).toMatchObject({ ranges: [], hosts }));

  it.each([
    ['fd00::/64', 'has 2^64 addresses; of IPv6 a /120 at most'],
    ['fe80::1%eth0', 'is no IPv6 address or network'],
    ['::ffff:10.0.0.1', 'is no IPv6 address or network'],
    ['::g', 'is no IPv6 address or network'],
    ['-web', 'is no address, range or host name'],
    ['10.0.0.256', 'is no address, range or host name'],
    ['a..b', 'is no address, range or host name'],
    [`${'a'.repeat(64)}.org`, 'is no address, range or host name'],
  ])('%s is none', (text, why) => expect(() => scope(text)).toThrow(why));

  it('name a range of their own, in whatever order they are given', () => {
    expect(scopeId(scope('::1', 'web-1', '10.0.0.1'))).toBe(scopeId(scope('10.0.0.1', 'web-1', '::1')));
    expect(scopeId(scope('web-1'))).not.toBe(scopeId(scope('web-2')));
  });

  it('have to lie in what is allowed', () => {
    const allowed = ['10.0.0.0/8', 'fd00::/8', '::1'].flatMap((text) => parseNetworkRange(text) ?? []);
    expect(() => assertAllowed(scope('fd12::5', '::1', '10.1.2.3'), allowed)).not.toThrow();
    expect(() => assertAllowed(scope('2001:db8::5'), allowed)).toThrow(
      '2001:db8::5 is outside of what this instance may scan: 10.0.0.0-10.255.255.255, fd00::/8, ::1/128',
    );
    expect(() => assertAddressAllowed('web', '192.0.2.1', allowed)).toThrow('web (192.0.2.1) is outside');
    expect(() => assertAddressAllowed('web', '::ffff:10.0.0.1', allowed)).not.toThrow();
  });
});
