import { describe, expect, it } from 'vitest';
import {
  formatAddress,
  formatAgo,
  formatBytes,
  formatDuration,
  formatPerMille,
  printable,
  shortenIds,
} from '../../../src/cli/frame/text.ts';
import { idOf } from '../../api/pool.ts';

describe('values as people read them', () => {
  it.each([
    [0, '0.0s'],
    [40, '0.0s'],
    [449, '0.4s'],
    [9_949, '9.9s'],
    [12_345, '12s'],
    [59_999, '59s'],
    [185_000, '3m 05s'],
    [7_800_000, '2h 10m'],
    [90_000_000, '1d 1h'],
    [-5, '0.0s'],
  ])('a duration of %i ms is %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  it.each([
    [0, 'now'],
    [999, 'now'],
    [3_200, '3s ago'],
    [59_999, '59s ago'],
    [3_599_999, '59m ago'],
    [7_300_000, '2h ago'],
    [2 * 86_400_000, '2d ago'],
    [-30_000, 'in 30s'],
  ])('a time %i ms back is %s', (ms, text) => {
    expect(formatAgo('2026-01-15T14:00:00.000Z', Date.UTC(2026, 0, 15, 14) + ms)).toBe(text);
  });

  it('a time that is not known is a dash', () => expect(formatAgo(null, 0)).toBe('–'));

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1_572_864, '1.5 MiB'],
    [500 * 1024 ** 2, '500 MiB'],
    [3 * 1024 ** 4, '3.0 TiB'],
    [9_999 * 1024 ** 4, '9999 TiB'],
  ])('%i bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [0, '0%'],
    [4, '0%'],
    [425, '43%'],
    [1000, '100%'],
    [null, '–'],
  ])('%s of 1000 is %s', (perMille, text) => expect(formatPerMille(perMille)).toBe(text));

  it.each([
    ['/ip4/10.0.0.1/tcp/7400/p2p/12D3', '10.0.0.1:7400'],
    ['/ip6/fe80::1/tcp/7400', '[fe80::1]:7400'],
    ['/dns4/gw.example.com/tcp/1', 'gw.example.com:1'],
    ['10.0.0.1:7400', '10.0.0.1:7400'],
    ['–', '–'],
  ])('the address %s is %s', (address, text) => expect(formatAddress(address)).toBe(text));

  it('ids in a sentence are short, or whole when asked for', () => {
    const text = `from ${idOf('a')} to ${idOf('b')}`;
    expect(shortenIds(text, false)).toBe(`from ${idOf('a').slice(-8)} to ${idOf('b').slice(-8)}`);
    expect(shortenIds(text, true)).toBe(text);
  });

  it('text from elsewhere moves no cursor and hides nothing', () => {
    expect(printable('a\u001b[2Jb\r\nc\u0007\u202ed')).toBe('a\ufffd[2Jb\ufffd\ufffdc\ufffd\ufffdd');
  });
});
