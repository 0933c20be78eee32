import { describe, expect, it } from 'vitest';
import { createEventList } from '../../src/api/index.ts';

function filled(max: number, count: number) {
  const list = createEventList(max);
  for (let number = 1; number <= count; number++) list.add({ level: 'info', event: `e${number}`, detail: {} }, number);
  return (most: number) => list.latest(most).map(({ event }) => event);
}

describe('the list of events', () => {
  it.each([
    [0, 10, []],
    [2, 10, ['e1', 'e2']],
    [3, 10, ['e1', 'e2', 'e3']],
    [4, 10, ['e2', 'e3', 'e4']],
    [8, 10, ['e6', 'e7', 'e8']],
    [8, 2, ['e7', 'e8']],
    [8, 0, []],
  ])('with room for three holds, of %i added, the newest %i: %j', (count, most, expected) => {
    expect(filled(3, count)(most)).toEqual(expected);
  });
});
