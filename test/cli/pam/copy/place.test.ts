import { describe, expect, it } from 'vitest';
import { parsePlace, planCopy } from '../../../../src/cli/pam/copy/place.ts';

describe('where to copy', () => {
  it.each([
    ['a/b', { side: 'here', path: 'a/b' }],
    ['./a:b', { side: 'here', path: './a:b' }],
    ['/a:b', { side: 'here', path: '/a:b' }],
    ['web-1:', { side: 'there', record: 'web-1', path: '.' }],
    ['web-1:/etc/a:b', { side: 'there', record: 'web-1', path: '/etc/a:b' }],
    ['the web:x y', { side: 'there', record: 'the web', path: 'x y' }],
    ['C:\\x', { side: 'there', record: 'C', path: '\\x' }],
  ])('%s', (text, place) => expect(parsePlace(text, 'linux')).toEqual(place));

  it('knows the drives of Windows', () => {
    expect(parsePlace('C:\\x', 'win32')).toEqual({ side: 'here', path: 'C:\\x' });
    expect(parsePlace('C:x', 'win32')).toEqual({ side: 'there', record: 'C', path: 'x' });
  });

  it('is one record and this machine', () => {
    expect(planCopy(['a', 'b', 'web-1:c'], 'linux')).toEqual({
      record: 'web-1',
      direction: 'up',
      sources: ['a', 'b'],
      target: 'c',
    });
    expect(planCopy(['web-1:a', 'web-1:b', '.'], 'linux')).toMatchObject({ direction: 'down', sources: ['a', 'b'] });
  });

  it.each([
    [['a', 'b'], /both sides are on this machine/],
    [['web-1:a', 'web-1:b'], /both sides are on web-1/],
    [['web-1:a', 'web-2:b'], /the places are on web-1 and on web-2/],
    [['web-1:a', 'b', 'c'], /one source is on this machine, and so is the target/],
    [['web-1:a'], /what to copy, and where to/],
    [['', 'web-1:a'], /"" is no place/],
    [[':a', 'b'], /":a" is no place/],
  ])('is not %j', (texts, message) => expect(() => planCopy(texts, 'linux')).toThrow(message));
});
