import { createHash } from 'node:crypto';
import ssh2 from 'ssh2';
import { ANSWER_MS, type Place } from './open-port.ts';

/** The fingerprint of an SSH server's host key, as `ssh-keygen -l` prints it; null if it shows none in time. Nothing is logged in to. */
export async function readHostKey({ host, port, address = host }: Place, signal: AbortSignal): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const client = new ssh2.Client();
  const onAbort = (): void => resolve(null);
  const timer = setTimeout(onAbort, ANSWER_MS * 2);
  signal.addEventListener('abort', onAbort, { once: true });
  client.on('error', () => resolve(null));
  client.on('close', () => resolve(null));
  const hostVerifier = (key: Buffer): boolean => {
    resolve(`SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`);
    return false;
  };
  client.connect({ host: address, port, username: 'nobody', readyTimeout: ANSWER_MS * 2, hostVerifier });
  const found = await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', onAbort);
  client.destroy();
  return found;
}
