/** Scans a range of this process's network namespace and says on stdout what it found and what memory it took on the way. Arguments: the range, connects per second, hosts that answer. */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { parseRange } from '../../../src/base/ipv4-range.ts';
import { scan } from '../../../src/workloads/discovery/scan.ts';

const [range = '', rate = '', ...hosts] = process.argv.slice(2);
const PORT = 22;

for (const host of hosts) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.resume().end('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n');
  }).listen(PORT, host);
  await once(server, 'listening');
}

/** What is really held: what could be freed is. */
function memory(): { readonly heapMib: number; readonly residentMib: number } {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return { heapMib: heapUsed / 2 ** 20, residentMib: rss / 2 ** 20 };
}

const samples: (ReturnType<typeof memory> & { readonly share: number })[] = [];
const beganMs = performance.now();
const { services, hostsUp, tried } = await scan(
  { ranges: [parseRange(range) ?? { first: 0, last: 0 }], ports: [PORT], ratePerSecond: Number(rate), part: null },
  {
    signal: new AbortController().signal,
    atMs: () => performance.now(),
    onProgress: (progress) => {
      const share = Math.floor((progress.tried * 8) / progress.total) / 8;
      if (share > (samples.at(-1)?.share ?? 0)) samples.push({ share, ...memory() });
    },
  },
);
const found = services.map(({ host, service }) => `${host} ${service}`);
process.stdout.write(
  JSON.stringify({ found, hostsUp, tried, seconds: (performance.now() - beganMs) / 1000, samples }),
  () => process.exit(0),
);
