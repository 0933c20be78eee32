/** A real ssh-agent with a socket of its own, and what its owner does to it with ssh-add. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach } from 'vitest';
import { needs, until } from '../harness/until.ts';

const run = promisify(execFile);
const START_MS = 5_000;

/** An agent and the folder with its socket and its owner's key files. */
export class SshAgent {
  readonly folder = mkdtempSync(join(tmpdir(), 'pam-agent-'));
  readonly socket = join(this.folder, 'agent.sock');
  #process: ChildProcess | undefined;

  /** What a program needs to find it. */
  get env(): Readonly<Record<string, string>> {
    return { SSH_AUTH_SOCK: this.socket };
  }

  /** Starts it, also again; `confirms` is what its owner answers when it asks about a key of ssh-add -c. */
  async start({ confirms = true }: { readonly confirms?: boolean } = {}): Promise<void> {
    const answer = this.#script('answer', confirms ? 'exit 0' : 'exit 1');
    const env = { ...process.env, SSH_ASKPASS: answer, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' };
    this.#process = spawn('ssh-agent', ['-D', '-a', this.socket], { env, stdio: 'ignore' });
    await until('the agent listens', { within: START_MS }, () => needs(existsSync(this.socket), () => this.socket));
  }

  /** Makes a key, without a passphrase, and loads it; the path of its file. */
  async addKey(
    comment: string,
    { type = 'ed25519', args = [] }: { type?: string; args?: string[] } = {},
  ): Promise<string> {
    const path = join(this.folder, comment);
    await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', comment, '-f', path]);
    await this.add([...args, path]);
    return path;
  }

  /** Runs ssh-add with this agent. */
  async add(args: readonly string[]): Promise<string> {
    const asked = this.#script('password', 'echo secret');
    const env = { ...process.env, ...this.env, SSH_ASKPASS: asked, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' };
    return (await run('ssh-add', args, { env })).stdout;
  }

  /** Ends the process; keys are forgotten. */
  async stop(): Promise<void> {
    const ending = this.#process;
    this.#process = undefined;
    if (ending === undefined || ending.exitCode !== null) return;
    ending.kill('SIGKILL');
    await once(ending, 'close');
    rmSync(this.socket, { force: true });
  }

  /** Ends it and removes its folder. */
  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #script(name: string, line: string): string {
    const path = join(this.folder, `${name}.sh`);
    writeFileSync(path, `#!/bin/sh\n${line}\n`, { mode: 0o700 });
    return path;
  }
}

/** Makes agents that end with the test that made them. */
export function useSshAgents(): () => SshAgent {
  const agents: SshAgent[] = [];
  afterEach(async () => {
    for (const agent of agents.splice(0)) await agent.end();
  });
  return () => {
    const agent = new SshAgent();
    agents.push(agent);
    return agent;
  };
}
