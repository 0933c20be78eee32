/** An instance in a process of its own, for tests that stop or kill it. Told what to do over the parent's channel. */
import { createInstance, DEADLINE_MS, gossipTexts } from './instances.ts';

/** What the parent asks. */
export type Order =
  | { readonly kind: 'connect'; readonly address: string }
  /** Answered with `counts`, once that many direct messages have come. */
  | { readonly kind: 'count'; readonly direct: number }
  /** Answered with `heard` once gossip that begins so has come. */
  | { readonly kind: 'hear'; readonly text: string }
  | { readonly kind: 'publish'; readonly text: string };

/** What the process answers. */
export type Answer =
  | { readonly kind: 'heard' }
  | { readonly kind: 'started'; readonly id: string; readonly address: string }
  | { readonly kind: 'counts'; readonly direct: number; readonly inOrder: boolean };

let direct = 0;
let inOrder = true;
const instance = createInstance(process.argv[2] ?? 'process');
await instance.mesh.start(AbortSignal.timeout(DEADLINE_MS));
process.on('message', (order: Order) => void obey(order));
process.on('disconnect', () => process.exit());
answer({ kind: 'started', id: instance.id, address: instance.address() });

async function obey(order: Order): Promise<void> {
  if (order.kind === 'connect') await instance.mesh.connect([order.address], AbortSignal.timeout(DEADLINE_MS));
  if (order.kind === 'publish') instance.mesh.publish(new TextEncoder().encode(order.text));
  if (order.kind === 'hear') {
    await instance.until(order.text, () => gossipTexts(instance).some((text) => text.startsWith(order.text)));
    answer({ kind: 'heard' });
  }
  if (order.kind === 'count') {
    await instance.until(`${order.direct} messages`, () => count().direct >= order.direct);
    answer({ kind: 'counts', ...count() });
  }
}

/** Direct messages so far; each begins with its number. Looks at every event once. */
function count(): { readonly direct: number; readonly inOrder: boolean } {
  for (const event of instance.events.splice(0)) {
    if (event.kind !== 'direct') continue;
    inOrder &&= new DataView(event.bytes.buffer, event.bytes.byteOffset).getUint32(0) === direct;
    direct += 1;
  }
  return { direct, inOrder };
}

function answer(message: Answer): void {
  process.send?.(message);
}
