import type { ExitCode } from '../base/errors.ts';
import type { InstanceId } from '../base/ids.ts';
import { encode } from '../wire/codec.ts';
import { type Direct, directCodec, type Gossip, gossipCodec } from '../wire/mesh-message.ts';
import type { Effect, NoteLevel, Reply, Stored } from './effect.ts';
import type { Ticket } from './input.ts';

/** Collects the effects of one step in order; every part of the machine writes to the same one. */
export class Outbox {
  #effects: Effect[] = [];
  #write = 0;

  /** The effects since the last call. */
  take(): readonly Effect[] {
    const taken = this.#effects;
    this.#effects = [];
    return taken;
  }

  /** A direct message. */
  send(to: InstanceId, message: Direct): void {
    this.#effects.push({ kind: 'send', to, bytes: encode(directCodec, message) });
  }

  /** One direct message to several members, encoded once. */
  sendAll(to: readonly InstanceId[], message: Direct): void {
    if (to.length === 0) return;
    const bytes = encode(directCodec, message);
    for (const peer of to) this.#effects.push({ kind: 'send', to: peer, bytes });
  }

  /** A message to everyone. */
  publish(message: Gossip): void {
    this.#effects.push({ kind: 'publish', bytes: encode(gossipCodec, message) });
  }

  /** Something to be written; the number comes back in `stored` or `store-failed`. */
  store(what: Stored): number {
    this.#write += 1;
    this.#effects.push({ kind: 'store', write: this.#write, what });
    return this.#write;
  }

  /** The answer to a request. */
  reply(ticket: Ticket, reply: Reply): void {
    this.#effects.push({ kind: 'reply', ticket, reply });
  }

  /** An event for the log. */
  note(level: NoteLevel, event: string, detail: Readonly<Record<string, string | number | boolean | null>> = {}): void {
    this.#effects.push({ kind: 'note', note: { level, event, detail } });
  }

  /** The end of the process. */
  exit(code: ExitCode, lines: readonly string[]): void {
    this.#effects.push({ kind: 'exit', code, lines });
  }

  /** Any other effect. */
  push(effect: Effect): void {
    this.#effects.push(effect);
  }
}
