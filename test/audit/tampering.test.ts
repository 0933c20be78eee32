/** Somebody without the instance's key changes its log: whatever it is, the check says so and where. */

import { describe, expect, it } from 'vitest';
import type { AuditHead } from '../../src/audit/chain-check.ts';
import { ChainCheck, type ChainReport, parseEntry } from '../../src/audit/client.ts';
import { formatCheckpoint, formatEvent, genesis, hashLine } from '../../src/audit/entry.ts';
import { keyPairFromSeed } from '../../src/base/ed25519.ts';
import { Random } from '../simulator/random.ts';
import { key, numbered, verify } from './open-log.ts';

const stranger = keyPairFromSeed(new Uint8Array(32).fill(9));

/** Lines as an instance writes them: a checkpoint after every fourth event. */
function lines(count: number, signer = key): string[] {
  const made: string[] = [];
  let previous = genesis(key.id);
  const add = (line: string): void => {
    made.push(line);
    previous = hashLine(line);
  };
  for (let number = 1; number <= count; number++) {
    const linked = () => ({ sequence: made.length + 1, unixMs: 1_764_000_000_000 + made.length, previous });
    add(formatEvent(linked(), numbered(number)));
    if (number % 4 === 0) add(formatCheckpoint(linked(), { instanceId: key.id, sign: signer.sign }));
  }
  return made;
}

function check(changed: readonly string[], head: AuditHead | null = null): ChainReport {
  const found = new ChainCheck({ instanceId: key.id, verify, head });
  for (const line of changed) found.step(new TextEncoder().encode(line));
  return found.view();
}

const whole = lines(20);
const head: AuditHead = { sequence: whole.length, hash: hashLine(whole.at(-1) ?? '') };
const replace = (index: number, line: string): string[] => whole.map((each, at) => (at === index ? line : each));

describe('a log', () => {
  it('that nobody touched holds', () => {
    expect(check(whole, head)).toMatchObject({
      ok: true,
      events: 20,
      entries: 25,
      signedThrough: 25,
      firstBadAt: null,
    });
  });

  it('may be read from the middle where the rest was removed in order, and only there', () => {
    expect(check(whole.slice(10))).toMatchObject({ ok: false, firstBadAt: 1 });
  });

  const changes: readonly (readonly [string, readonly string[], number])[] = [
    ['a changed value', replace(6, whole[6]?.replace('"version":6', '"version":7') ?? ''), 7],
    ['a changed time', replace(6, whole[6]?.replace('"unixMs":1764000000006', '"unixMs":1764000000007') ?? ''), 7],
    ['a changed byte that makes it no entry', replace(6, `${whole[6]}}`), 7],
    ['a removed line', whole.toSpliced(6, 1), 7],
    ['a removed checkpoint', whole.toSpliced(4, 1), 5],
    ['a removed end', whole.slice(0, 15), 16],
    ['a removed last line', whole.slice(0, -1), 25],
    ['two lines in another order', whole.toSpliced(6, 2, whole[7] ?? '', whole[6] ?? ''), 7],
    ['a line twice', whole.toSpliced(6, 0, whole[5] ?? ''), 7],
    ['a foreign line between', whole.toSpliced(6, 0, 'nothing of ours'), 7],
    ['a checkpoint signed by somebody else', lines(20, stranger), 5],
    ['the end made anew', remake(whole, 6), 10],
    ['no checkpoint at all', lines(3), 4],
    ['nothing left', [], 1],
  ];
  it.each(changes)('with %s does not hold', (_, changed, firstBadAt) => {
    expect(check(changed, head)).toMatchObject({ ok: false, firstBadAt });
  });

  it('of another instance is told from this one', () => {
    const found = new ChainCheck({ instanceId: stranger.id, verify });
    for (const line of whole) found.step(new TextEncoder().encode(line));
    expect(found.view()).toMatchObject({ ok: false, firstBadAt: 1 });
  });

  it('does not hold after any change of any byte, whatever it is', () => {
    const random = new Random(2026);
    const bytes = new TextEncoder().encode(whole.join('\n'));
    for (let time = 0; time < 300; time++) {
      const changed = bytes.slice();
      const at = random.below(bytes.length);
      changed[at] = (changed[at] ?? 0) ^ (1 + random.below(255));
      const found = check(new TextDecoder('latin1').decode(changed).split('\n'), head);
      expect(found.ok, `byte ${at}`).toBe(false);
    }
  });
});

/** The line at `index` changed and every later one linked anew, by somebody who cannot sign. */
function remake(original: readonly string[], index: number): readonly string[] {
  const made = original.slice(0, index);
  for (const line of original.slice(index)) {
    const entry = parseEntry(line.replace('"version":6', '"version":66'));
    made.push(JSON.stringify({ ...entry, previous: hashLine(made.at(-1) ?? '') }));
  }
  return made;
}
