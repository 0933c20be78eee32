/**
 * An instance on a host of its own. It knows addresses of others as an instance knows them from member records, dials whom it is not linked with,
 * and says after each change what it sees.
 */
import { createInstance, DEADLINE_MS, directTexts, textBytes } from './instances.ts';

/** What the parent tells. */
export type Tidings =
  | { readonly kind: 'others'; readonly addresses: readonly (readonly string[])[] }
  | { readonly kind: 'say'; readonly to: string; readonly text: string };

/** What the process sees. */
export interface Sight {
  readonly id: string;
  readonly addresses: readonly string[];
  /** Linked peers. */
  readonly linked: readonly string[];
  /** All that was ever reported of links: `link-up PEER`, `link-down PEER`. */
  readonly history: readonly string[];
  /** `PEER TEXT`. */
  readonly heard: readonly string[];
}

const LOOK_MS = 100;
const [label, host, port] = process.argv.slice(2);
const instance = createInstance(label ?? '', { listen: [{ host: host ?? '', port: Number(port) }] });
await instance.mesh.start(AbortSignal.timeout(DEADLINE_MS));
process.on('message', hear);
process.on('disconnect', () => process.exit());
let others: readonly (readonly string[])[] = [];
const dialling = new Set<string>();
let shown = '';
setInterval(look, LOOK_MS);

function hear(tidings: Tidings): void {
  if (tidings.kind === 'others') others = tidings.addresses;
  else instance.mesh.send(tidings.to, textBytes(tidings.text));
}

function look(): void {
  const linked = instance.mesh.linkedPeers();
  for (const addresses of others) if (!linked.some((peer) => addresses[0]?.endsWith(peer))) void dial(addresses);
  const sight: Sight = {
    id: instance.id,
    addresses: instance.mesh.listenAddresses(),
    linked,
    history: instance.events.flatMap((event) => ('peer' in event ? [`${event.kind} ${event.peer}`] : [])),
    heard: linked.flatMap((peer) => directTexts(instance, peer).map((text) => `${peer} ${text}`)),
  };
  const text = JSON.stringify(sight);
  if (text !== shown) process.send?.(sight);
  shown = text;
}

async function dial(addresses: readonly string[]): Promise<void> {
  const key = addresses.join(' ');
  if (dialling.has(key)) return;
  dialling.add(key);
  await instance.mesh.connect(addresses, AbortSignal.timeout(DEADLINE_MS)).catch(() => undefined);
  dialling.delete(key);
}
