import { describe, expect, it } from 'vitest';
import { isInRange, parseAddressRange } from '../../src/base/address-range.ts';

describe('an address in a range', () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.1.2.3', '10.0.0.0/8', false],
    ['10.0.0.127', '10.0.0.0/25', true],
    ['10.0.0.128', '10.0.0.0/25', false],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.2', '192.0.2.1/32', false],
    ['192.0.2.2', '0.0.0.0/0', true],
    ['::1', '0.0.0.0/0', false],
    ['192.0.2.2', '::/0', false],
    ['::ffff:192.0.2.2', '192.0.2.0/24', true],
    ['::ffff:c000:202', '192.0.2.0/24', true],
    ['2001:db8::1', '2001:db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['fe80::1%eth0', 'fe80::/10', true],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:0/112', true],
    ['', '0.0.0.0/0', false],
    ['host.example', '0.0.0.0/0', false],
  ];
  it.each(table)('%s in %s: %s', (address, text, expected) => {
    const range = parseAddressRange(text);
    expect(range && isInRange(address, range)).toBe(expected);
  });

  it.each([
    '',
    '10.0.0.0/33',
    '10.0.0/8',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.0/8/8',
    '10.0.0.0/x',
    '::1/129',
    '1::2::3',
    ':::',
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7::8',
  ])('%j is none', (text) => expect(parseAddressRange(text)).toBeUndefined());
});
