import { GatewayError } from '../../base/errors.ts';
import type { InstanceId } from '../../base/ids.ts';
import { type DrainCommand, drainCommandSeal } from '../../wire/drain-command.ts';
import { open } from '../../wire/sealed.ts';
import type { CoreContext } from '../core-context.ts';
import { earliest } from '../earliest.ts';
import { failure } from '../effect.ts';
import type { Ticket } from '../input.ts';
import { isLive } from '../membership/member-table.ts';

/** How long a drain order waits to be seen carried out. */
const ORDER_MS = 3000;
/** Orders open at once. */
const ORDERS_MAX = 100;

interface Order {
  readonly ticket: Ticket;
  readonly instanceId: InstanceId;
  readonly untilMs: number;
}

/** An admin drains an instance through any other one: the order is signed, names the instance and expires. */
export class DrainOrders {
  readonly #context: CoreContext;
  readonly #drain: (reason: string) => void;
  readonly #orders = new Set<Order>();

  /** `drain` begins the drain of this instance. */
  constructor(context: CoreContext, drain: (reason: string) => void) {
    this.#context = context;
    this.#drain = drain;
  }

  /** A client hands in an order. */
  asked(sealed: Uint8Array, ticket: Ticket): void {
    const { self, table, outbox, now } = this.#context;
    const order = this.#verify(sealed);
    if (order.instanceId === self) {
      this.#drain('drained by an admin');
      return outbox.reply(ticket, { kind: 'done' });
    }
    const member = table.get(order.instanceId);
    if (member === undefined || !isLive(member)) {
      return outbox.reply(ticket, {
        kind: 'refused',
        failure: failure('not-found', `no live instance ${order.instanceId}`),
      });
    }
    if (this.#orders.size >= ORDERS_MAX) {
      return outbox.reply(ticket, {
        kind: 'refused',
        failure: failure('declined', `${ORDERS_MAX} drain orders are open, the most at once`),
      });
    }
    outbox.send(order.instanceId, { kind: 'drain', command: sealed });
    this.#orders.add({ ticket, instanceId: order.instanceId, untilMs: now.atMs + ORDER_MS });
  }

  /** Another member passes an order on. */
  ordered(sealed: Uint8Array): void {
    if (this.#verify(sealed).instanceId === this.#context.self) this.#drain('drained by an admin');
  }

  /** Answers orders whose instance shows that it drains, and those that took too long. */
  run(): void {
    const { table, now, outbox } = this.#context;
    for (const order of this.#orders) {
      const state = table.get(order.instanceId)?.record.state;
      const obeyed = state === 'draining' || state === 'left';
      if (!obeyed && order.untilMs > now.atMs) continue;
      this.#orders.delete(order);
      const message = `${order.instanceId} did not begin to drain within ${ORDER_MS / 1000} s`;
      outbox.reply(order.ticket, obeyed ? { kind: 'done' } : { kind: 'refused', failure: failure('timeout', message) });
    }
  }

  /** When an order times out. */
  dueAtMs(): number | undefined {
    let due: number | undefined;
    for (const { untilMs } of this.#orders) due = earliest(due, untilMs);
    return due;
  }

  #verify(sealed: Uint8Array): DrainCommand {
    const { init, clock, now } = this.#context;
    const { value, signers } = open(drainCommandSeal, sealed, init.verify);
    const admins = signers.filter((signer) => init.gateway.adminKeys.includes(signer));
    if (admins.length < init.gateway.threshold || value.gatewayUid !== init.gateway.uid) {
      throw new GatewayError('not-allowed', 'the drain order is not signed by an admin of this gateway');
    }
    if (value.expiresUnixMs <= clock.poolUnixMs(now.unixMs))
      throw new GatewayError('not-allowed', 'the drain order has expired');
    return value;
  }
}
