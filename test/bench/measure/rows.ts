/** Paired measurements: contenders are measured in turn, run by run, so that whatever else the machine does hits all of them alike. */

/** One of those that are measured; `measure` gives one figure. */
export interface Contender {
  readonly name: string;
  measure(): Promise<number>;
}

/** A figure of one contender. */
export interface Figure {
  readonly name: string;
  readonly median: number;
  readonly values: readonly number[];
}

/** Ours over another one's, run by run. */
export interface Ratio {
  readonly to: string;
  readonly median: number;
}

/** What is wanted, and whether it came about. */
export interface Aim {
  readonly text: string;
  readonly isMet: boolean;
}

/** One measurement of all contenders; the first is ours. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly figures: readonly Figure[];
  readonly ratios: readonly Ratio[];
  readonly aim: Aim | null;
}

/** How a row comes about. */
export interface RowInit {
  readonly what: string;
  readonly unit: string;
  readonly aim?: (row: Omit<Row, 'aim'>) => Aim | null;
}

/** Runs each contender once per run, in an order that turns by one with every run. */
export async function measurePaired(contenders: readonly Contender[], runs: number, init: RowInit): Promise<Row> {
  const values = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let run = 0; run < runs; run++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(run + turn) % contenders.length];
      if (contender !== undefined) values.get(contender.name)?.push(await contender.measure());
    }
  }
  return rowOf(
    init,
    [...values].map(([name, list]) => ({ name, values: list })),
  );
}

/** A row of figures that were taken elsewhere, run by run; the first is ours. */
export function rowOf(init: RowInit, measured: readonly Omit<Figure, 'median'>[]): Row {
  const figures = measured.map(({ name, values }) => ({ name, values, median: median(values) }));
  const [ours, ...others] = figures;
  const ratios = others.map(({ name, values }) => ({
    to: name,
    median: median(values.map((value, run) => (ours?.values[run] ?? Number.NaN) / value)),
  }));
  const row = { what: init.what, unit: init.unit, figures, ratios };
  return { ...row, aim: init.aim?.(row) ?? null };
}

/** Several measurements that one round takes of each contender at once: the names of the measures, and what a round gives. */
export interface Round {
  readonly name: string;
  measure(): Promise<Readonly<Record<string, number>>>;
}

/** As `measurePaired`, with one row per measure of a round. */
export async function measureRounds(
  contenders: readonly Round[],
  runs: number,
  measures: Readonly<Record<string, RowInit>>,
): Promise<readonly Row[]> {
  const taken = new Map<string, Readonly<Record<string, number>>[]>(contenders.map(({ name }) => [name, []]));
  for (let run = 0; run < runs; run++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(run + turn) % contenders.length];
      if (contender !== undefined) taken.get(contender.name)?.push(await contender.measure());
    }
  }
  return Object.entries(measures).map(([measure, init]) =>
    rowOf(
      init,
      [...taken].map(([name, rounds]) => ({ name, values: rounds.map((round) => round[measure] ?? Number.NaN) })),
    ),
  );
}

/** Without a contender for whom the figure means nothing. */
export function without(row: Row, name: string): Row {
  return {
    ...row,
    figures: row.figures.filter((figure) => figure.name !== name),
    ratios: row.ratios.filter(({ to }) => to !== name),
  };
}

/** What a ratio is wanted to be. */
export type Bound = { readonly atLeast: number } | { readonly atMost: number } | { readonly below: number };

/** An aim for the ratio to a contender; none where that was not measured. */
export function ratioAim(to: string, bound: Bound): (row: Omit<Row, 'aim'>) => Aim | null {
  return ({ ratios }) => {
    const ratio = ratios.find((one) => one.to === to)?.median;
    return ratio === undefined ? null : { text: `${formatBound(bound)} × ${to}`, isMet: keeps(ratio, bound) };
  };
}

function formatBound(bound: Bound): string {
  if ('atLeast' in bound) return `≥ ${bound.atLeast}`;
  return 'atMost' in bound ? `≤ ${bound.atMost}` : `< ${bound.below}`;
}

function keeps(value: number, bound: Bound): boolean {
  if ('atLeast' in bound) return value >= bound.atLeast;
  return 'atMost' in bound ? value <= bound.atMost : value < bound.below;
}

/** An aim for our own figure. */
export function figureAim(bound: Bound, unit: string): (row: Omit<Row, 'aim'>) => Aim {
  return ({ figures }) => ({
    text: `${formatBound(bound)} ${unit}`,
    isMet: keeps(figures[0]?.median ?? Number.NaN, bound),
  });
}

/** The middle one; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** The nearest-rank percentile; `share` is between 0 and 1. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
