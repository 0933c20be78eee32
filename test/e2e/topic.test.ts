/** One configuration is one pool: the same topic everywhere, and nobody else gets past the transport. */

import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { PATIENTLY } from './harness/scale.ts';
import { needs, until } from './harness/until.ts';

const createPool = usePools();

async function topicOf(pool: Pool, name: string): Promise<{ readonly topic: string; readonly poolId: string }> {
  const { code, stdout } = await pool.gateway(name, ['debug', 'topic', '--json']);
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

describe('the topic', PATIENTLY, () => {
  it('is the same on every instance of a pool', async () => {
    const pool = createPool({ maxInstances: 3, bootstrap: ['a', 'b', 'c'] });
    const instances = pool.startAll(['a', 'b', 'c']);
    await untilAgreed(instances, { holders: ['a', 'b', 'c'] });
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => topicOf(pool, name)));
    expect(a?.topic).toMatch(/^\/pam-mesh\/1\/pool\/[a-z2-7]{26}$/);
    expect([b?.topic, c?.topic]).toEqual([a?.topic, a?.topic]);
    expect([b?.poolId, c?.poolId]).toEqual([a?.poolId, a?.poolId]);
    await until('everybody gossips with both others', { within: 10_000 }, async () => {
      const reports = await Promise.all(instances.map((instance) => instance.ask({ kind: 'topic' })));
      const counts = reports.map(({ meshPeers }) => meshPeers.length);
      needs(
        counts.every((count) => count === 2),
        `they have ${counts.join(', ')} peers`,
      );
    });
  });
});

describe('an instance with', PATIENTLY, () => {
  for (const { what, shared } of [
    { what: 'another secret', shared: ['gateway', 'firstLimit', 'adminKeys'] },
    { what: 'another gateway uid', shared: ['poolSecret'] },
  ]) {
    it(`${what} is another pool and fails at the transport`, async () => {
      const pool = createPool({ maxInstances: 3, bootstrap: ['a'] });
      const other = createPool({ maxInstances: 3 });
      copyKeys(pool.configFile, other.configFile, shared);
      const a = pool.start('a', { args: ['--log-level', 'debug'] });
      await a.untilLogged('admitted', { within: 40_000 });
      const stranger = other.start('stranger', { args: ['--peer', pool.site('a').mesh, '--log-level', 'debug'] });
      const refused = await stranger.untilLogged('dial-failed', { within: 40_000 });
      expect(refused.fields['msg']).toContain('other pool secret or not a gateway mesh port');
      await untilAgreed([stranger], { holders: ['stranger'] });
      await untilAgreed([a], { holders: ['a'] });
      // Nothing of what the stranger sent reached the pool's own code: nobody was greeted and nothing was refused there.
      expect(a.lines.filter((line) => /greeting|refused/.test(line))).toEqual([]);
      const topics = await Promise.all([topicOf(pool, 'a'), topicOf(other, 'stranger')]);
      expect(topics[1]?.topic).not.toBe(topics[0]?.topic);
    });
  }
});

/** Makes two configurations alike in some keys. */
function copyKeys(from: string, to: string, keys: readonly string[]): void {
  const [source, target] = [from, to].map((path): Record<string, unknown> => JSON.parse(readFileSync(path, 'utf8')));
  writeFileSync(to, JSON.stringify({ ...target, ...Object.fromEntries(keys.map((key) => [key, source?.[key]])) }), {
    mode: 0o600,
  });
}
