import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { Answer, Order } from './instance-process.ts';
import {
  DEADLINE_MS,
  gossipTexts,
  linkHistory,
  startInstances,
  stopAll,
  type TestInstance,
  textBytes,
  untilLinked,
} from './instances.ts';

/** Starting processes takes seconds on a busy machine. */
const PROCESS_TIMEOUT_MS = 40_000;

const PROGRAM = fileURLToPath(new URL('instance-process.ts', import.meta.url));

let instances: TestInstance[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  await Promise.all(children.splice(0).map(end));
  await stopAll(instances);
});

interface RemoteInstance {
  readonly child: ChildProcess;
  readonly id: string;
  readonly address: string;
}

async function startProcess(label: string): Promise<RemoteInstance> {
  const child = fork(PROGRAM, [label]);
  children.push(child);
  const started = await answerOf(child);
  if (started.kind !== 'started') throw new Error('the first answer is "started"');
  return { child, id: started.id, address: started.address };
}

async function answerOf(child: ChildProcess): Promise<Answer> {
  const [answer]: Answer[] = await once(child, 'message', { signal: AbortSignal.timeout(DEADLINE_MS) });
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

function order(child: ChildProcess, what: Order): void {
  child.send(what);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function startLinked(): Promise<{ readonly here: TestInstance; readonly there: RemoteInstance }> {
  instances = await startInstances(['here']);
  const [here] = instances;
  if (here === undefined) throw new Error('one was started');
  const there = await startProcess('there');
  await here.mesh.connect([there.address], AbortSignal.timeout(DEADLINE_MS));
  await untilLinked(here, 1);
  return { here, there };
}

function numbered(number: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

describe('a peer whose process is stopped', { timeout: PROCESS_TIMEOUT_MS }, () => {
  for (const { size, what } of [
    { size: 64, what: 'small' },
    { size: 65_536, what: 'large' },
  ]) {
    it(`fills its queue of ${what} messages to a bound; what was taken arrives in order when it goes on`, async () => {
      const { here, there } = await startLinked();
      there.child.kill('SIGSTOP');
      let taken = 0;
      let refusedInARow = 0;
      // Sockets and the multiplexer take some first: full is what stays full for a while.
      while (refusedInARow < 100) {
        const isTaken = here.mesh.send(there.id, numbered(taken, size));
        taken += isTaken ? 1 : 0;
        refusedInARow = isTaken ? 0 : refusedInARow + 1;
        if (!isTaken) await new Promise((resolve) => setImmediate(resolve));
      }
      expect(taken * size).toBeLessThan(24 * 1024 * 1024);
      expect(here.mesh.linkedPeers()).toEqual([there.id]);

      there.child.kill('SIGCONT');
      order(there.child, { kind: 'count', direct: taken });
      expect(await answerOf(there.child)).toEqual({ kind: 'counts', direct: taken, inOrder: true });
      expect(here.mesh.send(there.id, numbered(taken, size))).toBe(true);
    });
  }

  it('gets gossip again when it goes on, though its gossip queue had overflowed', async () => {
    const { here, there } = await startLinked();
    await here.until('subscription', () => here.mesh.gossipPeers().length === 1);
    there.child.kill('SIGSTOP');
    for (let count = 0; count < 400; count++) {
      here.mesh.publish(textBytes(`${count} `.padEnd(60_000, 'x')));
      await new Promise((resolve) => setImmediate(resolve));
    }
    there.child.kill('SIGCONT');
    await here.until('subscription', () => here.mesh.gossipPeers().length === 1);
    order(there.child, { kind: 'publish', text: 'still here' });
    await here.until('gossip', () => gossipTexts(here).includes('still here'));
    here.mesh.publish(textBytes('and here'));
    order(there.child, { kind: 'hear', text: 'and here' });
    expect(await answerOf(there.child)).toEqual({ kind: 'heard' });
    expect(linkHistory(here, there.id)).toEqual(['link-up']);
  });
});

describe('a peer whose process is killed', { timeout: PROCESS_TIMEOUT_MS }, () => {
  it('is reported at once and can come back', async () => {
    const { here, there } = await startLinked();
    const killedAtMs = performance.now();
    there.child.kill('SIGKILL');
    await untilLinked(here, 0);
    expect(performance.now() - killedAtMs).toBeLessThan(1_000);
    expect(here.mesh.send(there.id, numbered(0, 4))).toBe(false);

    const again = await startProcess('there');
    order(again.child, { kind: 'connect', address: here.address() });
    await untilLinked(here, 1);
    expect(linkHistory(here, there.id)).toEqual(['link-up', 'link-down', 'link-up']);
  });

  it('in the middle of a flood of messages leaves nothing behind', async () => {
    const { here, there } = await startLinked();
    let taken = 0;
    while (taken < 2_000) {
      if (here.mesh.send(there.id, numbered(taken, 1_000))) taken += 1;
      else await new Promise((resolve) => setImmediate(resolve));
      if (taken === 1_500) there.child.kill('SIGKILL');
      if (here.mesh.linkedPeers().length === 0) break;
    }
    await untilLinked(here, 0);
    expect(here.mesh.gossipPeers()).toEqual([]);
  });
});
