/** A user and an admin whose keys live in a real ssh-agent: whole commands, and what becomes of them without it. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { type CommandResult, runCommand } from './harness/program.ts';
import { addRecord, untilRecordHeld } from './harness/records.ts';
import { PATIENTLY } from './harness/scale.ts';
import { useTunnels } from './harness/tunnel.ts';
import { dial, endOfDial, roundTrip } from './targets/socket.ts';
import { type SshAgent, useSshAgents } from './targets/ssh-agent.ts';
import { echo, startTarget } from './targets/target.ts';

const createPool = usePools();
const startTunnel = useTunnels();
const newAgent = useSshAgents();
const FAIL_MS = 10_000;

/** Runs `pam` with an agent, or without one. */
function pam(args: readonly string[], profile: string, agent?: SshAgent): Promise<CommandResult> {
  return runCommand({ program: 'pam', args, env: { SSH_AUTH_SOCK: '', PAM_PROFILE: profile, ...agent?.env } });
}

/** The same, which must succeed; its JSON document. */
async function told(args: readonly string[], profile: string, agent?: SshAgent): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await pam([...args, '--json'], profile, agent);
  if (code !== 0) throw new Error(`pam ${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

/** Alice, whose key is in an agent, with a grant of this pool's admin. */
async function alice(pool: Pool): Promise<{ agent: SshAgent; keyPath: string; profile: string }> {
  const agent = newAgent();
  await agent.start();
  const keyPath = await agent.addKey('alice');
  const profile = join(pool.folder, 'alice', 'profile.json');
  const { publicKey } = await told(['login', '--agent', 'alice'], profile, agent);
  const out = join(pool.folder, 'alice.grant');
  await told(['grant', 'new', '--name', 'alice', '--for-key', String(publicKey), '--out', out], pool.profileFile);
  await told(['login', '--grant', out], profile);
  return { agent, keyPath, profile };
}

describe('a key in ssh-agent', PATIENTLY, () => {
  it('is let in, opens sessions, and opens none while the agent is gone; those under way go on', async () => {
    const pool = createPool({ maxInstances: 2, bootstrap: ['a', 'b'] });
    await untilAgreed(pool.startAll(['a', 'b']), { holders: ['a', 'b'] });
    const target = await startTarget(echo);
    try {
      await addRecord(pool, 'echo', target);
      await untilRecordHeld(pool, ['a', 'b'], 'echo');
      const { agent, keyPath, profile } = await alice(pool);
      expect(readFileSync(profile, 'utf8')).toContain('"inAgent"');
      expect(await told(['record', 'list'], profile, agent)).toMatchObject({ records: [{ title: 'echo' }] });
      expect(await pam(['record', 'list'], profile)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('no ssh-agent: SSH_AUTH_SOCK is not set'),
      });

      const tunnel = await startTunnel({ pool, record: 'echo', profileFile: profile, env: agent.env });
      const sockets = await Promise.all(Array.from({ length: 20 }, () => dial(tunnel.port)));
      await Promise.all(sockets.map((socket) => roundTrip(socket, 'hello')));
      await agent.stop();
      await endOfDial(tunnel.port);
      const [failure] = await tunnel.untilFailed(1, FAIL_MS);
      expect(failure).toContain('no ssh-agent answers at SSH_AUTH_SOCK');
      await Promise.all(sockets.map((socket) => roundTrip(socket, 'still here')));
      await agent.start();
      await agent.add([keyPath]);
      await roundTrip(await dial(tunnel.port), 'hello again');
      for (const socket of sockets) socket.destroy();
    } finally {
      await target.stop();
    }
  });

  it('takes the place of an admin key, and signs grants, limits, records and what several have to sign', async () => {
    const pool = createPool({ maxInstances: 1, bootstrap: ['a'] });
    await untilAgreed([pool.start('a')], { holders: ['a'] });
    const agent = newAgent();
    await agent.start();
    await agent.addKey('root');
    const admin = join(pool.folder, 'in-agent.json');
    const rotated = await told(['admin', 'rotate', '--agent', '--out', admin], pool.profileFile, agent);
    expect(rotated).toMatchObject({ version: 1, held_by: 1 });
    expect(await pam(['gateway', 'list'], pool.profileFile)).toMatchObject({ code: 4 });

    const set = ['gateway', 'set-max-instances', '-g', pool.uid, '-m', '2'];
    expect(await told(set, admin, agent)).toMatchObject({ held_by: 1 });
    const added = ['record', 'add', '--type', 'machine', '--title', 'web-1', '--host', '127.0.0.1', '--port', '22'];
    await told(added, admin, agent);
    const bob = join(pool.folder, 'bob.json');
    const { grantId } = await told(['grant', 'new', '--name', 'bob', '--out', bob], admin, agent);
    expect(await told(['record', 'list'], bob)).toMatchObject({ records: [{ title: 'web-1' }] });
    expect(await told(['grant', 'revoke', String(grantId)], admin, agent)).toMatchObject({ version: 2 });
    const proposal = join(pool.folder, 'limit.proposal');
    await told(['admin', 'propose', 'limit', '-m', '3', '--out', proposal], admin, agent);
    expect(await told(['admin', 'publish', proposal], admin, agent)).toMatchObject({ version: 4 });

    await agent.add(['-D']);
    expect(await pam(set, admin, agent)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the ssh-agent does not hold the key SHA256:'),
    });
  });

  it('is not mixed up with another one: the key file that is there stays', async () => {
    const agent = newAgent();
    await agent.start();
    const profile = join(agent.folder, 'home', 'profile.json');
    await agent.addKey('first');
    const first = await told(['login', '--agent'], profile, agent);
    expect(await told(['login', '--agent', 'first'], profile, agent)).toEqual(first);
    expect(await told(['login'], profile)).toEqual(first);
    await agent.addKey('second');
    expect(await pam(['login', '--agent'], profile, agent)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/has 2 Ed25519 keys: SHA256:\S+ \(first\), SHA256:\S+ \(second\)/),
    });
    expect(await pam(['login', '--agent', 'second'], profile, agent)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('exists already; it is another key than that of --agent'),
    });
  });
});
