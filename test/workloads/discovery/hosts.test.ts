/** Names and IPv6 addresses as what is discovered. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyPairFromSeed } from '../../../src/base/ed25519.ts';
import { parseNetworkRange } from '../../../src/base/network-range.ts';
import { readScope, scopeId } from '../../../src/wire/discovery-scope.ts';
import { createDiscovery } from '../../../src/workloads/discovery/index.ts';
import type { TaskOutcome } from '../../../src/workloads/task.ts';
import { MemoryVault } from '../memory-vault.ts';

const worker = keyPairFromSeed(new Uint8Array(32).fill(7)).id;
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

function listening(host: string, port: number): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.resume().end('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n');
  }).listen(port, host);
  return once(server, 'listening').then(() => server);
}

describe('a host of a discovery', () => {
  const servers: Server[] = [];
  let port = 0;
  beforeAll(async () => {
    servers.push(await listening('127.0.0.1', 0));
    const address = servers[0]?.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
    if (hasIpv6) servers.push(await listening('::1', port));
  });
  afterAll(() => Promise.all(servers.map((server) => once(server.close(), 'close'))));

  function run(targets: readonly string[], allow: readonly string[]): Promise<TaskOutcome> {
    const parameters = [...targets.map((value) => ({ name: 'target', value })), { name: 'ports', value: String(port) }];
    const workload = createDiscovery({
      allowed: allow.flatMap((text) => parseNetworkRange(text) ?? []),
      jobsOf: () => [],
      readOutput: async () => null,
      vaultOf: () => new MemoryVault(),
      atMs: () => performance.now(),
    });
    const notice = {
      jobId: 'job',
      kind: 'discovery',
      recordId: scopeId(readScope(parameters)),
      parent: null,
      caller: worker,
      state: 'running',
      entry: worker,
      worker,
      submittedUnixMs: 1,
      startedUnixMs: 1,
      endedUnixMs: null,
      error: null,
      bytesIn: 0,
      bytesOut: 0,
      progress: null,
    } as const;
    const task = { record: null, resumed: false, cancelled: new AbortController().signal, report: () => undefined };
    return workload.run({ ...task, notice, parameters });
  }

  it('may be a name, which is looked up by the worker and shown as it was given', async () => {
    const { output } = await run(['localhost', 'no-such-host.invalid'], ['127.0.0.0/8', '::1']);
    expect(output).toMatchObject({
      found: [{ host: 'localhost', port, service: 'ssh', hostKey: null }],
      tried: 1,
      notes: ['no-such-host.invalid: host name not found'],
    });
    expect(JSON.stringify(output)).not.toContain('address');
  });

  it('is not reached by a name where its address may not be', async () => {
    await expect(run(['localhost'], ['10.0.0.0/8'])).rejects.toMatchObject({
      code: 'not-allowed',
      message: expect.stringMatching(/^localhost \((?:127\.0\.0\.1|::1)\) is outside/),
    });
    await expect(run(['no-such-host.invalid'], ['10.0.0.0/8'])).rejects.toMatchObject({ code: 'target-unreachable' });
  });

  it.skipIf(!hasIpv6)('may have an IPv6 address', async () => {
    const { output } = await run(['::1', '127.0.0.1'], ['127.0.0.0/8', '::1']);
    expect(output).toMatchObject({ hostsUp: 2, tried: 2 });
    const { found } = output as { readonly found: readonly { readonly host: string; readonly service: string }[] };
    expect(found.map(({ host, service }) => `${host} ${service}`).sort()).toEqual(['127.0.0.1 ssh', '::1 ssh']);
  });
});
