import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { Libp2p } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { tls } from '@libp2p/tls';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { describe, expect, it } from 'vitest';
import { BufferReclaim } from '../../../src/access/buffer-reclaim.ts';
import { createAccessNode } from '../../../src/access/node.ts';
import { createCertificate } from '../../../src/access/transport/certificate.ts';
import { nativeTls } from '../../../src/access/transport/tls.ts';
import { keyPairFromSeed } from '../../../src/base/ed25519.ts';
import { testSeed } from '../pool.ts';
import { closeAfterEach } from '../world.ts';

const closeLater = closeAfterEach();
const LISTEN = ['/ip4/127.0.0.1/tcp/0'];

type Encrypter = NonNullable<Parameters<typeof createLibp2p>[0]>['connectionEncrypters'];

/** A node without multiplexer: what is tested is the handshake. */
async function createNode(label: string, connectionEncrypters: Encrypter & object, listen: string[]): Promise<Libp2p> {
  const privateKey = await generateKeyPairFromSeed('Ed25519', testSeed(label));
  const node = await createLibp2p({ privateKey, addresses: { listen }, transports: [tcp()], connectionEncrypters });
  closeLater(async () => void (await node.stop()));
  return node;
}

function ours(label: string): Encrypter & object {
  return [nativeTls(createCertificate(keyPairFromSeed(testSeed(label))), new BufferReclaim())];
}

describe('native TLS', () => {
  it.each([
    ['our dialler', 'their listener', ours('a'), [tls()]],
    ['their dialler', 'our listener', [tls()], ours('b')],
  ] as const)("speaks with libp2p's own: %s, %s", async (_dialler, _listener, dialling, listening) => {
    const listener = await createNode('b', [...listening], LISTEN);
    const dialler = await createNode('a', [...dialling], []);
    const seen = Promise.withResolvers<string>();
    listener.addEventListener('connection:open', ({ detail }) => seen.resolve(detail.remotePeer.toString()));
    const connection = await dialler.dial(listener.getMultiaddrs());
    expect(connection.encryption).toBe('/tls/1.0.0');
    expect(connection.remotePeer.toString()).toBe(keyPairFromSeed(testSeed('b')).id);
    expect(await seen.promise).toBe(keyPairFromSeed(testSeed('a')).id);
  });

  it('refuses whoever is not the expected one', async () => {
    const listener = await createAccessNode({
      keySeed: testSeed('b'),
      listen: LISTEN,
      announce: [],
      reclaim: new BufferReclaim(),
    });
    await listener.start();
    closeLater(async () => void (await listener.stop()));
    const dialler = await createAccessNode({
      keySeed: testSeed('a'),
      listen: [],
      announce: [],
      reclaim: new BufferReclaim(),
    });
    await dialler.start();
    closeLater(async () => void (await dialler.stop()));
    const place = String(listener.getMultiaddrs()[0]).replace(/\/p2p\/.*/, '');
    const expected = keyPairFromSeed(testSeed('somebody else')).id;
    await expect(dialler.dial(multiaddr(`${place}/p2p/${expected}`))).rejects.toThrow(`${expected} is expected`);
  });
});
