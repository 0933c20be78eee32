import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Where something may listen. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** Where that host was found; missing where `host` is an address. */
  readonly address?: string;
}

/** What a try to connect tells: `silent` may be nobody, or a firewall. */
export type Opened = { readonly kind: 'open'; readonly socket: Socket } | { readonly kind: 'closed' | 'silent' };

/** A host that has not answered by then is taken for silent: more than a round trip around the world. */
export const CONNECT_MS = 1000;
/** How long a server is given to say something. */
export const ANSWER_MS = 1500;
/** Most that is read of an answer. */
const ANSWER_BYTES_MAX = 16 * 1024;
/** After the last bytes of an answer this much silence ends it. */
const QUIET_MS = 150;

/** One connect. */
export async function openPort({ host, port, address = host }: Place, signal: AbortSignal): Promise<Opened> {
  const { promise, resolve } = Promise.withResolvers<Opened>();
  const socket = connectTcp({ host: address, port });
  const silent = (): void => resolve({ kind: 'silent' });
  const timer = setTimeout(() => afterEvents(silent), CONNECT_MS);
  signal.addEventListener('abort', silent, { once: true });
  socket.once('connect', () => resolve({ kind: 'open', socket }));
  // Kept for the life of the socket: a server may reset it at any time.
  socket.on('error', (error: NodeJS.ErrnoException) =>
    resolve({ kind: error.code === 'ECONNREFUSED' ? 'closed' : 'silent' }),
  );
  if (signal.aborted) silent();
  const opened = await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', silent);
  if (opened.kind !== 'open') socket.destroy();
  return opened;
}

/** A process that was held up has its timers first: what has arrived meanwhile is looked at before anything is called silent. */
function afterEvents(done: () => void): void {
  setImmediate(() => setImmediate(done));
}

/** What the server says, to the request if there is one. Empty: nothing. The socket is closed afterwards. */
export async function ask(socket: Socket, request: Uint8Array | null, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  let timer = setTimeout(() => afterEvents(resolve), ANSWER_MS);
  const onAbort = (): void => resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    clearTimeout(timer);
    timer = setTimeout(() => afterEvents(resolve), QUIET_MS);
    if (chunks.reduce((sum, { length }) => sum + length, 0) >= ANSWER_BYTES_MAX) resolve();
  });
  socket.once('close', () => resolve());
  socket.on('error', () => resolve());
  if (socket.destroyed || signal.aborted) resolve();
  if (request !== null) socket.write(request);
  await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', onAbort);
  socket.destroy();
  return Buffer.concat(chunks).subarray(0, ANSWER_BYTES_MAX);
}

/** The certificate that a server shows. */
export interface Certificate {
  readonly subject: string;
  readonly issuer: string;
  readonly validTo: string;
  readonly sha256: string;
}

/** A TLS session over a connected socket, or null if the server speaks none. Certificates are looked at, not trusted. */
export async function startTls(
  socket: Socket,
  signal: AbortSignal,
): Promise<{ readonly socket: Socket; readonly certificate: Certificate | null } | null> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const tls = connectTls({ socket, rejectUnauthorized: false, minVersion: 'TLSv1' });
  const timer = setTimeout(() => afterEvents(() => resolve(false)), ANSWER_MS);
  const onAbort = (): void => resolve(false);
  signal.addEventListener('abort', onAbort, { once: true });
  tls.once('secureConnect', () => resolve(true));
  tls.on('error', () => resolve(false));
  tls.once('close', () => resolve(false));
  const isSecure = await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', onAbort);
  if (isSecure) return { socket: tls, certificate: certificateOf(tls.getPeerCertificate()) };
  tls.destroy();
  socket.destroy();
  return null;
}

function certificateOf(peer: {
  readonly subject?: object;
  readonly issuer?: object;
  readonly valid_to?: string;
  readonly fingerprint256?: string;
}): Certificate | null {
  if (peer.subject === undefined || peer.fingerprint256 === undefined) return null;
  const { subject, issuer = {}, valid_to: validTo = '', fingerprint256 } = peer;
  return { subject: nameOf(subject), issuer: nameOf(issuer), validTo, sha256: fingerprint256.slice(0, 95) };
}

function nameOf(name: object): string {
  const text = Object.entries(name)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(', ');
  return text.replace(/[^\x20-\x7e]+/g, '?').slice(0, 200);
}
