/** Keys in a real ssh-agent, and everything that an agent may do instead of signing. */

import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../src/base/assert.ts';
import { createEd25519Verify } from '../../src/base/ed25519.ts';
import { GatewayError } from '../../src/base/errors.ts';
import { agentSigner, chooseAgentKey, sealWith } from '../../src/config/index.ts';
import { drainCommandSeal } from '../../src/wire/drain-command.ts';
import { open } from '../../src/wire/sealed.ts';
import { useSshAgents } from '../e2e/targets/ssh-agent.ts';

const newAgent = useSshAgents();
const signal = new AbortController().signal;
const verify = createEd25519Verify();
const MESSAGE = new TextEncoder().encode('pam-mesh/1/test\0whatever');

/** An agent with one Ed25519 key, and who signs with it. */
async function agentWithKey(args: string[] = [], init = {}) {
  const agent = newAgent();
  await agent.start(init);
  const path = await agent.addKey('alice', { args });
  const { id } = await chooseAgentKey({ env: agent.env, signal }, undefined);
  return { agent, path, signer: agentSigner(id, { env: agent.env, signal }) };
}

async function failureOf(call: unknown): Promise<{ readonly code: string; readonly text: string }> {
  const error = await Promise.resolve(call).then(
    () => new Error('expected a failure'),
    (failure: unknown) => failure,
  );
  if (!(error instanceof GatewayError)) throw error;
  return { code: error.code, text: `${error.message}. ${error.remedy ?? ''}` };
}

describe('a key in ssh-agent', () => {
  it('signs as any other Ed25519 key: the raw signature, over exactly the bytes', async () => {
    const { signer } = await agentWithKey();
    const signature = await signer.sign(MESSAGE);
    expect(signature).toHaveLength(64);
    expect(verify(signer.id, MESSAGE, signature)).toBe(true);
    const value = { gatewayUid: 'g', instanceId: signer.id, expiresUnixMs: 1 };
    const sealed = await sealWith(drainCommandSeal, value, [signer]);
    expect(open(drainCommandSeal, sealed, verify)).toMatchObject({ value, signers: [signer.id] });
  });

  it('signs nothing that could be a login by SSH, a certificate or a signed file: only what bears a label of ours', async () => {
    const { signer } = await agentWithKey();
    for (const start of ['\0\0\0 session id', 'SSHSIG', '', 'pam-mes', 'xpam-mesh/']) {
      await expect(signer.sign(new TextEncoder().encode(start))).rejects.toBeInstanceOf(AssertionError);
    }
  });

  it('is chosen by comment or fingerprint where there are several, and only if it is Ed25519', async () => {
    const { agent, signer } = await agentWithKey();
    await agent.addKey('rsa', { type: 'rsa' });
    const init = { env: agent.env, signal };
    expect((await chooseAgentKey(init, undefined)).id).toBe(signer.id);
    await agent.addKey('work');
    const { code, text } = await failureOf(chooseAgentKey(init, undefined));
    expect(code).toBe('bad-usage');
    const listed = (await agent.add(['-l']))
      .trim()
      .split('\n')
      .filter((line) => line.endsWith('(ED25519)'));
    expect(listed).toHaveLength(2);
    for (const line of listed) {
      const [, fingerprint = '', comment = ''] = line.split(' ');
      expect(text).toContain(`${fingerprint} (${comment})`);
      expect(await chooseAgentKey(init, comment)).toEqual(await chooseAgentKey(init, fingerprint));
    }
    expect(await failureOf(chooseAgentKey(init, 'rsa'))).toMatchObject({
      code: 'not-found',
      text: expect.stringContaining('no Ed25519 key "rsa"; it has SHA256:'),
    });
  });

  it('that is not there: no agent, none at the socket, an agent without keys', async () => {
    const agent = newAgent();
    expect(await failureOf(chooseAgentKey({ env: {}, signal }, undefined))).toMatchObject({
      code: 'bad-config',
      text: expect.stringContaining('SSH_AUTH_SOCK is not set'),
    });
    expect(await failureOf(chooseAgentKey({ env: agent.env, signal }, undefined))).toMatchObject({
      code: 'bad-config',
      text: expect.stringContaining(`no ssh-agent answers at SSH_AUTH_SOCK (${agent.socket})`),
    });
    await agent.start();
    expect(await failureOf(chooseAgentKey({ env: agent.env, signal }, undefined))).toMatchObject({
      code: 'not-found',
      text: expect.stringContaining('shows no Ed25519 key. Load one with: ssh-add'),
    });
  });
});

describe('signing', () => {
  it('fails while the agent is gone, and goes on when it is back with the key', async () => {
    const { agent, path, signer } = await agentWithKey();
    await signer.sign(MESSAGE);
    await agent.stop();
    expect((await failureOf(signer.sign(MESSAGE))).code).toBe('bad-config');
    await agent.start();
    await agent.add([path]);
    expect(verify(signer.id, MESSAGE, await signer.sign(MESSAGE))).toBe(true);
  });

  it('fails with a key that was removed, naming what the agent has instead', async () => {
    const { agent, path, signer } = await agentWithKey();
    await agent.add(['-d', path]);
    await agent.addKey('other');
    expect(await failureOf(signer.sign(MESSAGE))).toMatchObject({
      code: 'not-found',
      text: expect.stringMatching(/does not hold the key SHA256:\S+; it has SHA256:\S+ \(other\)/),
    });
  });

  it('fails while the agent is locked', async () => {
    const { agent, signer } = await agentWithKey();
    await agent.add(['-x']);
    expect(await failureOf(signer.sign(MESSAGE))).toMatchObject({
      code: 'not-found',
      text: expect.stringContaining('as a locked one does'),
    });
    await agent.add(['-X']);
    expect(verify(signer.id, MESSAGE, await signer.sign(MESSAGE))).toBe(true);
  });

  it('asks its owner where the key was loaded so, and fails when they say no', async () => {
    const willing = await agentWithKey(['-c'], { confirms: true });
    expect(verify(willing.signer.id, MESSAGE, await willing.signer.sign(MESSAGE))).toBe(true);
    const unwilling = await agentWithKey(['-c'], { confirms: false });
    expect(await failureOf(unwilling.signer.sign(MESSAGE))).toMatchObject({
      code: 'not-allowed',
      text: expect.stringContaining('refused to sign'),
    });
  });

  it('ends with its command where the agent is silent, and leaves no connection behind', async () => {
    const { agent, signer } = await agentWithKey();
    const path = join(agent.folder, 'silent.sock');
    const asked = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const silent = createServer((socket) => {
      socket.on('close', () => closed.resolve()).once('data', () => asked.resolve());
    });
    await new Promise<void>((resolve) => silent.listen(path, resolve));
    try {
      const command = new AbortController();
      const waiting = agentSigner(signer.id, { env: { SSH_AUTH_SOCK: path }, signal: command.signal }).sign(MESSAGE);
      const failed = failureOf(waiting);
      await asked.promise;
      command.abort();
      expect((await failed).code).toBe('cancelled');
      await closed.promise;
    } finally {
      silent.close();
    }
  });
});
