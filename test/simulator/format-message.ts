import { type Codec, decode } from '../../src/wire/codec.ts';
import { memberRecordSeal } from '../../src/wire/member-record.ts';
import { directCodec, gossipCodec } from '../../src/wire/mesh-message.ts';
import { pulseSeal } from '../../src/wire/pulse.ts';
import { open, type Seal } from '../../src/wire/sealed.ts';
import { suspicionSeal } from '../../src/wire/suspicion.ts';

/** A direct message as one line for traces. */
export function formatDirect(bytes: Uint8Array): string {
  return format(directCodec, bytes);
}

/** A gossiped message as one line for traces. */
export function formatGossip(bytes: Uint8Array): string {
  return format(gossipCodec, bytes);
}

function format<T extends { readonly kind: string }>(codec: Codec<T>, bytes: Uint8Array): string {
  try {
    const { kind, ...fields } = decode(codec, bytes, bytes.length);
    return `${kind} ${JSON.stringify(fields, (key, value: unknown) => (value instanceof Uint8Array ? unsealed(key, value) : value))}`;
  } catch (error) {
    return `${bytes.length} bytes that are no message: ${error instanceof Error ? error.message : error}`;
  }
}

/** What stands in an envelope, as far as it matters in a trace. */
function unsealed(key: string, sealed: Uint8Array): unknown {
  const record = read(memberRecordSeal, sealed);
  if (record !== undefined) {
    const { name, state, sequence, incarnation, joinedAt, seat, claim, successor } = record;
    return `${name} ${state} ${incarnation}.${sequence} joined ${joinedAt.unixMs}/${joinedAt.counter} seat ${seat?.limitVersion ?? '-'} claim ${claim} ${successor ?? ''}`;
  }
  const pulse = read(pulseSeal, sealed);
  if (pulse !== undefined)
    return `${pulse.instanceId} pulse ${pulse.incarnation}.${pulse.sequence} ${pulse.held.admissionDigest}`;
  const suspicion = read(suspicionSeal, sealed);
  if (suspicion !== undefined) return `${suspicion.accuser} accuses ${suspicion.accused}`;
  return `${key}: ${sealed.length} bytes`;
}

function read<T>(seal: Seal<T>, sealed: Uint8Array): T | undefined {
  try {
    return open(seal, sealed, () => true).value;
  } catch {
    return undefined;
  }
}
