/** Pure: what the parts of a discovery found, as one. Parts have no address in common. */
import { compareText } from '../../../../../base/bytes.ts';
import { type Findings, NOTHING_FOUND } from '../findings.ts';

/** The findings of all parts together; `seconds` is for their caller to say, they ran side by side. */
export function mergeFindings(parts: readonly Findings[]): Findings {
  const sum = (of: (part: Findings) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const found = parts.flatMap((part) => part.found);
  return {
    ...NOTHING_FOUND,
    found: [...found].sort((left, right) => compareText(orderOf(left), orderOf(right)) || left.port - right.port),
    delta: {
      added: parts.flatMap(({ delta }) => delta.added),
      changed: parts.flatMap(({ delta }) => delta.changed),
      gone: parts.flatMap(({ delta }) => delta.gone),
    },
    since: parts.find(({ since }) => since !== null)?.since ?? null,
    hostsUp: sum(({ hostsUp }) => hostsUp),
    tried: sum(({ tried }) => tried),
    seconds: Math.max(0, ...parts.map(({ seconds }) => seconds)),
    cut: parts.some(({ cut }) => cut),
    parts: parts[0]?.parts ?? 1,
    notes: [...new Set(parts.flatMap(({ notes }) => notes))],
  };
}

/** Addresses in the order of their numbers. */
function orderOf({ host }: { readonly host: string }): string {
  return host.replace(/\d+/g, (digits) => digits.padStart(5, '0'));
}
