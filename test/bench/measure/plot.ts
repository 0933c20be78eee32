/** Growth curves as SVG: no library is worth its weight for a handful of lines. */

/** One curve. */
export interface Curve {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** A picture of some curves. */
export interface Plot {
  /** Of its file, without the ending. */
  readonly name: string;
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly curves: readonly Curve[];
}

const [WIDTH, HEIGHT] = [720, 420];
const MARGIN = { left: 80, right: 160, top: 40, bottom: 55 };
const TICKS = 5;
const COLOURS = ['#0b6e4f', '#c8553d', '#3d5a80', '#8d6a9f', '#c99700', '#444444'];

interface Scale {
  place(value: number): number;
  readonly ticks: readonly number[];
}

/** The picture; x is logarithmic where its values span more than a factor of 20. y begins at 0. */
export function drawPlot({ title, x, y, curves }: Plot): string {
  const points = curves.flatMap((curve) => curve.points);
  const across = scaleX(points.map((point) => point.x));
  const up = scaleY(points.map((point) => point.y));
  const bottom = HEIGHT - MARGIN.bottom;
  const body = [
    text({ at: [MARGIN.left, 24], anchor: 'start', size: 16 }, title),
    text({ at: [(MARGIN.left + WIDTH - MARGIN.right) / 2, HEIGHT - 12], anchor: 'middle', size: 13 }, x),
    `<g transform="translate(20 ${(MARGIN.top + bottom) / 2}) rotate(-90)">${text({ at: [0, 0], anchor: 'middle', size: 13 }, y)}</g>`,
    ...up.ticks.flatMap((tick) => [
      line([MARGIN.left, up.place(tick)], [WIDTH - MARGIN.right, up.place(tick)]),
      text({ at: [MARGIN.left - 8, up.place(tick) + 4], anchor: 'end', size: 12 }, formatTick(tick)),
    ]),
    ...across.ticks.map((tick) =>
      text({ at: [across.place(tick), bottom + 20], anchor: 'middle', size: 12 }, formatTick(tick)),
    ),
    ...curves.flatMap((curve, index) => drawCurve(curve, index, { across, up })),
  ];
  const size = `width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif">\n<rect width="100%" height="100%" fill="white"/>\n${body.join('\n')}\n</svg>\n`;
}

function drawCurve(curve: Curve, index: number, { across, up }: { across: Scale; up: Scale }): readonly string[] {
  const colour = COLOURS[index % COLOURS.length] ?? 'black';
  const places = curve.points.map(({ x, y }) => [across.place(x).toFixed(1), up.place(y).toFixed(1)] as const);
  const top = MARGIN.top + 12 + index * 20;
  const left = WIDTH - MARGIN.right + 12;
  return [
    `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${places.map((place) => place.join(',')).join(' ')}"/>`,
    ...places.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3.5" fill="${colour}"/>`),
    `<rect x="${left}" y="${top - 9}" width="12" height="4" fill="${colour}"/>`,
    text({ at: [left + 18, top], anchor: 'start', size: 12 }, curve.name),
  ];
}

function scaleX(values: readonly number[]): Scale {
  const ticks = [...new Set(values)].sort((left, right) => left - right);
  const [least = 0, most = 1] = [ticks[0], ticks.at(-1)];
  const isLogarithmic = least > 0 && most / least > 20;
  const of = (value: number): number => (isLogarithmic ? Math.log(value) : value);
  const span = of(most) - of(least) || 1;
  const room = WIDTH - MARGIN.left - MARGIN.right;
  return { ticks, place: (value) => MARGIN.left + ((of(value) - of(least)) / span) * room };
}

function scaleY(values: readonly number[]): Scale {
  const step = niceStep(Math.max(0, ...values) / TICKS);
  const ticks = Array.from({ length: TICKS + 1 }, (_, index) => index * step);
  const room = HEIGHT - MARGIN.top - MARGIN.bottom;
  return { ticks, place: (value) => HEIGHT - MARGIN.bottom - (value / (TICKS * step)) * room };
}

/** The next of 1, 2, 2.5, 5 times a power of ten. */
function niceStep(atLeast: number): number {
  if (atLeast <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(atLeast));
  return ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= atLeast) ?? 10) * power;
}

function formatTick(value: number): string {
  return Math.abs(value) >= 1000 ? value.toLocaleString('en-US') : String(Number(value.toPrecision(6)));
}

function line([x1, y1]: readonly [number, number], [x2, y2]: readonly [number, number]): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#dddddd"/>`;
}

interface TextPlace {
  readonly at: readonly [number, number];
  readonly anchor: 'start' | 'middle' | 'end';
  readonly size: number;
}

function text({ at: [x, y], anchor, size }: TextPlace, content: string): string {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<text x="${x}" y="${y}" font-size="${size}" text-anchor="${anchor}">${safe}</text>`;
}
