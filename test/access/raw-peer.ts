import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { createCertificate } from '../../src/access/transport/certificate.ts';
import type { KeyPair } from '../../src/base/ed25519.ts';

const NEGOTIATION = Buffer.from('\x13/multistream/1.0.0\n\x0b/tls/1.0.0\n', 'latin1');

/** Somebody with a key who has done the handshake and from there on sends whatever it likes. */
export async function connectRaw(port: number, key: KeyPair): Promise<TLSSocket> {
  const tcp = connect(port, '127.0.0.1').on('error', () => undefined);
  tcp.write(NEGOTIATION);
  let agreed = Buffer.alloc(0);
  while (agreed.length < NEGOTIATION.length) {
    const [chunk] = await once(tcp, 'data');
    agreed = Buffer.concat([agreed, chunk]);
  }
  tcp.removeAllListeners('data');
  const { certificate, privateKey } = createCertificate(key);
  const socket = connectTls({
    socket: tcp,
    cert: certificate,
    key: privateKey,
    rejectUnauthorized: false,
    ALPNProtocols: ['/pam-access/1/streams'],
  });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}
