/** Changed copies of signed bytes: each number gives one, always the same. */

import { Random } from '../simulator/random.ts';

/** Bytes that differ from the original in content, whatever their length. */
export function mutate(original: Uint8Array, number: number): Uint8Array {
  const random = new Random(number + 1);
  const at = random.below(original.length);
  switch (number % 4) {
    case 0:
      return original.map((byte, index) => (index === at ? byte ^ (1 << random.below(8)) : byte));
    case 1:
      return original.map((byte, index) => (index === at ? (byte + 1 + random.below(255)) & 0xff : byte));
    case 2:
      return new Uint8Array([...original.slice(0, at), ...original.slice(at + 1)]);
    default:
      return new Uint8Array([...original.slice(0, at), random.below(256), ...original.slice(at)]);
  }
}
