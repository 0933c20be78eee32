import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import ssh2 from 'ssh2';
import { addressOf } from './ports.ts';

/** An SSH server made for the tour: it lets one user in by a password made up at its start, and answers every command with one sentence. */
export interface SshTarget {
  readonly address: string;
  readonly user: string;
  readonly password: string;
  stop(): void;
}

const USER = 'deploy';
const { Server, utils } = ssh2;

/** Starts it on a free loopback port. */
export async function startSshTarget(): Promise<SshTarget> {
  const password = randomBytes(16).toString('base64url');
  const server = new Server({ hostKeys: [utils.generateKeyPairSync('ed25519').private] }, (client) => {
    // A client that goes away has seen enough.
    client.on('error', () => client.end());
    client.on('authentication', (asked) => {
      if (asked.method === 'password' && asked.username === USER && asked.password === password) asked.accept();
      else asked.reject(['password']);
    });
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec, _reject, { command }) => {
        const channel = acceptExec();
        channel.write(`${USER} is logged in and has asked for: ${command}\n`);
        channel.exit(0);
        channel.end();
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { address: addressOf(server), user: USER, password, stop: () => void server.close() };
}
