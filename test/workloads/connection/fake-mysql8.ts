/**
 * A fake of MySQL 8: it only knows `caching_sha2_password`, checks the proofs as the server does, from SHA256(SHA256(password)) alone, and answers every command
 * with OK. The real server is not in Debian; what is real here is the exchange as its documentation describes it.
 */

import { constants, createHash, generateKeyPairSync, privateDecrypt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { encodeGreeting } from '../../../src/workloads/connection/mysql/greeting.ts';
import { encodeError, encodePacket } from '../../../src/workloads/connection/mysql/packets.ts';
import type { ServerCertificate } from '../../e2e/targets/certificates.ts';

/** What the fake does. */
export interface FakeMysql8Init {
  readonly user: string;
  readonly password: string;
  /** It has the password's digest in its cache already; otherwise it asks for the whole password once. */
  readonly isCached: boolean;
  /** Undefined: it offers no TLS. */
  readonly certificate: ServerCertificate | undefined;
}

/** A running fake. */
export interface FakeMysql8 {
  readonly port: number;
  /** How logins went: `fast`, `full over TLS`, `full with a key`, `denied`. */
  readonly logins: string[];
  stop(): Promise<void>;
}

const SCRAMBLE = Buffer.from('abcdefgh12345678ABCD');
/** Everything up to `CLIENT_DEPRECATE_EOF`, with `CLIENT_SSL` where there is TLS. */
const CAPABILITIES = 0x01ff_f7df;
const TLS = 0x800;
const OK = Buffer.from([0, 0, 0, 2, 0, 0, 0]);

/** Listens on a free port. */
export async function startFakeMysql8(init: FakeMysql8Init): Promise<FakeMysql8> {
  const logins: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    void serve(socket, init).then((how) => logins.push(how));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: address === null || typeof address === 'string' ? 0 : address.port,
    logins,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), 'close');
    },
  };
}

async function serve(socket: Socket, init: FakeMysql8Init): Promise<string> {
  let packets = new Packets(socket);
  const capabilities = init.certificate === undefined ? CAPABILITIES : CAPABILITIES | TLS;
  const greeting = {
    version: '8.0.36',
    threadId: 7,
    scramble: SCRAMBLE,
    capabilities,
    mariadbCapabilities: 0,
    charset: 255,
    status: 2,
  };
  packets.send(encodeGreeting({ ...greeting, plugin: 'caching_sha2_password' }));
  let answer = await packets.next();
  if (init.certificate !== undefined && answer.length === 32) {
    const { keyFile, certificateFile } = init.certificate;
    const secureContext = createSecureContext({ key: readFileSync(keyFile), cert: readFileSync(certificateFile) });
    packets = packets.over(() => new TLSSocket(socket, { isServer: true, secureContext }));
    answer = await packets.next();
  }
  const how = await logIn(packets, answer, init);
  packets.send(how === 'denied' ? encodeError(1045, `Access denied for user '${init.user}'`, '28000') : OK);
  if (how !== 'denied') void answerCommands(packets);
  return how;
}

async function logIn(packets: Packets, answer: Buffer, { user, password, isCached }: FakeMysql8Init): Promise<string> {
  const end = answer.indexOf(0, 32);
  const proof = answer.subarray(end + 2, end + 2 + (answer[end + 1] ?? 0));
  const isRight = answer.toString('utf8', 32, end) === user && provesPassword(proof, password);
  if (isCached && isRight) {
    packets.send(Buffer.of(1, 3));
    return 'fast';
  }
  packets.send(Buffer.of(1, 4));
  const reply = await packets.next();
  if (packets.isEncrypted) return reply.toString() === `${password}\0` ? 'full over TLS' : 'denied';
  if (!reply.equals(Buffer.of(2))) return 'denied';
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  packets.send(Buffer.concat([Buffer.of(1), Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }))]));
  const hidden = privateDecrypt({ key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING }, await packets.next());
  const plain = Buffer.from(hidden.map((byte, place) => byte ^ (SCRAMBLE[place % SCRAMBLE.length] ?? 0)));
  return plain.toString() === `${password}\0` ? 'full with a key' : 'denied';
}

/** The server keeps SHA256(SHA256(password)): what the proof hides must have that as its digest. */
function provesPassword(proof: Buffer, password: string): boolean {
  const sha256 = (...parts: readonly (Buffer | string)[]): Buffer =>
    parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
  const kept = sha256(sha256(password));
  const mask = sha256(kept, SCRAMBLE);
  return sha256(Buffer.from(proof.map((byte, place) => byte ^ (mask[place] ?? 0)))).equals(kept);
}

async function answerCommands(packets: Packets): Promise<void> {
  for (;;) {
    await packets.next();
    packets.send(OK);
  }
}

class Packets {
  readonly #socket: Socket;
  readonly #waiting: ((payload: Buffer) => void)[] = [];
  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  #held = Buffer.alloc(0);
  #sequence: number;

  constructor(socket: Socket, sequence = 0) {
    this.#socket = socket;
    this.#sequence = sequence;
    socket.on('data', this.#onData);
  }

  get isEncrypted(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  /** The same exchange on another socket. */
  over(secure: () => TLSSocket): Packets {
    this.#socket.off('data', this.#onData).pause();
    // The handshake may have come together with the request for it.
    this.#socket.unshift(this.#held);
    const socket = secure();
    socket.on('error', () => undefined);
    return new Packets(socket, this.#sequence);
  }

  next(): Promise<Buffer> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#take(Buffer.alloc(0));
    });
  }

  send(payload: Buffer): void {
    this.#socket.write(encodePacket(this.#sequence, payload));
    this.#sequence += 1;
  }

  #take(chunk: Buffer): void {
    this.#held = Buffer.concat([this.#held, chunk]);
    while (this.#waiting.length > 0 && this.#held.length >= 4 && this.#held.length >= 4 + this.#held.readUIntLE(0, 3)) {
      const length = this.#held.readUIntLE(0, 3);
      this.#sequence = (this.#held[3] ?? 0) + 1;
      const payload = this.#held.subarray(4, 4 + length);
      this.#held = this.#held.subarray(4 + length);
      this.#waiting.shift()?.(payload);
    }
  }
}
