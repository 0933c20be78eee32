import { describe, expect, it } from 'vitest';
import { drawPlot } from './plot.ts';
import { measurePaired, median, percentile, ratioAim, rowOf } from './rows.ts';

describe('a paired measurement', () => {
  it('turns the order with every run and compares within a run', async () => {
    const order: string[] = [];
    const contender = (name: string, values: number[]) => ({
      name,
      measure: async () => {
        order.push(name);
        return values.shift() ?? Number.NaN;
      },
    });
    const row = await measurePaired([contender('ours', [10, 40, 90]), contender('theirs', [10, 20, 30])], 3, {
      what: 'speed',
      unit: 'MB/s',
      aim: ratioAim('theirs', { atLeast: 2 }),
    });
    expect(order).toEqual(['ours', 'theirs', 'theirs', 'ours', 'ours', 'theirs']);
    expect(row.ratios).toEqual([{ to: 'theirs', median: 2 }]);
    expect(row.figures.map((figure) => figure.median)).toEqual([40, 20]);
    expect(row.aim).toEqual({ text: '≥ 2 × theirs', isMet: true });
  });

  it('has no aim towards somebody who was not measured', () => {
    const init = { what: 'speed', unit: 'MB/s', aim: ratioAim('theirs', { below: 1 }) };
    expect(rowOf(init, [{ name: 'ours', values: [1] }]).aim).toBeNull();
  });

  it('takes the middle, and the nearest rank', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(percentile([1, 2, 3, 4], 0.5)).toBe(2);
    expect(percentile([1, 2, 3, 4], 0.99)).toBe(4);
  });
});

describe('a plot', () => {
  it('places points between the axes and says what they are', () => {
    const svg = drawPlot({
      name: 'growth',
      title: 'Cost & growth',
      x: 'instances',
      y: 'ms',
      curves: [
        {
          name: 'a<b',
          points: [
            { x: 1, y: 10 },
            { x: 3, y: 50 },
          ],
        },
      ],
    });
    expect(svg).toContain('Cost &amp; growth');
    expect(svg).toContain('a&lt;b');
    expect(svg).toContain('points="80.0,300.0 560.0,40.0"');
  });
});
