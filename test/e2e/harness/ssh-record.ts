/** A record of a real SSH server, with its password, added as an admin does. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { packageRoot } from '../../../src/launcher/runtime.js';
import type { SshServer } from '../../workloads/connection/ssh/ssh-server.ts';
import type { Pool } from './pool.ts';

/** Adds it; the answer is its id. */
export async function addSshRecord(
  pool: Pool,
  title: string,
  { port, user, password }: Pick<SshServer, 'port' | 'user' | 'password'>,
): Promise<string> {
  const where = ['--host', '127.0.0.1', '--port', String(port), '--protocol', 'ssh', '--user', user];
  const args = ['record', 'add', '--type', 'machine', '--title', title, ...where, '--password-stdin', '--json'];
  const child = spawn(process.execPath, [join(packageRoot, 'src', 'launcher', 'pam.js'), ...args], {
    env: { PATH: process.env['PATH'], HOME: pool.folder, PAM_PROFILE: pool.profileFile },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.stderr += text));
  child.stdin.end(`${password}\n`);
  const [code]: unknown[] = await once(child, 'close');
  if (code !== 0) throw new Error(`pam record add ended with ${String(code)}: ${texts.stderr}`);
  const { record }: { readonly record: string } = JSON.parse(texts.stdout);
  return record;
}
