import { createHash } from 'node:crypto';
import type { ParsedKey } from 'ssh2';
import { assert } from '../../base/assert.ts';
import { createEd25519Verify } from '../../base/ed25519.ts';
import { GatewayError } from '../../base/errors.ts';
import { formatKeyId, type PeerKeyId, PUBLIC_KEY_BYTES, publicKeyOf } from '../../base/ids.ts';
import { type AgentInit, askAgent } from './agent-question.ts';
import type { Signer } from './signer.ts';

/** An Ed25519 key that an agent holds. */
export interface AgentKey {
  readonly id: PeerKeyId;
  readonly comment: string;
  /** As ssh-add -l shows it. */
  readonly fingerprint: string;
}

/** More than an agent of a person ever has. */
const KEYS_MAX = 256;
const TYPE = 'ssh-ed25519';
/** Of an OpenSSH public key, in front of the 32 bytes: lengths as uint32, and the type (RFC 8709, section 4). */
const BLOB_PREFIX = Buffer.concat([Buffer.from([0, 0, 0, TYPE.length]), Buffer.from(TYPE), Buffer.from([0, 0, 0, 32])]);
/**
 * What is signed here begins with one of these labels. What a login by SSH signs begins with the length of a session id, a zero byte (RFC 4252,
 * section 7), as certificates do, and what ssh-keygen -Y signs with "SSHSIG": no signature made for one is worth anything in another.
 */
const LABELS = ['pam-mesh/', 'pam-access/', 'libp2p-tls-handshake:'].map((label) => Buffer.from(label));
/** The one Ed25519 key of the agent that has this comment or fingerprint, or is the only one. Throws `bad-config`, `bad-usage`, `not-found`. */
export async function chooseAgentKey(init: AgentInit, named: string | undefined): Promise<AgentKey> {
  const keys = await listKeys(init);
  if (keys.length === 0) {
    throw new GatewayError('not-found', 'the ssh-agent shows no Ed25519 key', {
      remedy:
        'Load one with: ssh-add ~/.ssh/id_ed25519; make one with: ssh-keygen -t ed25519. A locked agent shows none: ssh-add -X',
    });
  }
  const found =
    named === undefined ? keys : keys.filter(({ comment, fingerprint }) => comment === named || fingerprint === named);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const listed = keys.map(describeKey).join(', ');
  if (found.length > 1) {
    throw new GatewayError('bad-usage', `the ssh-agent has ${found.length} Ed25519 keys: ${listed}`, {
      remedy: 'Name one by its fingerprint: pam login --agent SHA256:…',
    });
  }
  throw new GatewayError('not-found', `the ssh-agent has no Ed25519 key "${named}"; it has ${listed}`, {
    remedy: 'Name one by its comment or its fingerprint, as ssh-add -l shows them.',
  });
}

/** Signs with a key that the agent holds. The agent is asked anew for every signature, so that it may come and go. */
export function agentSigner(id: PeerKeyId, init: AgentInit): Signer {
  const publicKey = publicKeyOf(id);
  assert(publicKey !== undefined, 'a key id has a public key');
  // One at a time: an agent that asks its owner must not show a heap of questions.
  let before: Promise<unknown> = Promise.resolve();
  const sign = (message: Uint8Array): Promise<Uint8Array> => {
    const signature = before.then(() => signWithAgent({ id, publicKey, message }, init));
    before = signature.catch(() => undefined);
    return signature;
  };
  return { id, publicKey, sign };
}

interface Signing {
  readonly id: PeerKeyId;
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
}

async function signWithAgent({ id, publicKey, message }: Signing, init: AgentInit): Promise<Uint8Array> {
  const bytes = Buffer.from(message);
  assert(
    LABELS.some((label) => bytes.subarray(0, label.length).equals(label)),
    'an agent signs nothing without a label of ours',
  );
  const signature = await askAgent<Buffer>(init, (protocol, done) =>
    protocol.sign(Buffer.concat([BLOB_PREFIX, publicKey]), bytes, {}, done),
  ).catch(async (cause: unknown) => {
    throw cause instanceof GatewayError ? cause : await explainRefusal(id, init, cause);
  });
  if (createEd25519Verify()(id, message, signature)) return new Uint8Array(signature);
  throw new GatewayError('not-allowed', `the ssh-agent's signature with ${describeId(id)} is wrong`);
}

/** Why the agent did not sign: it says no more than no. */
async function explainRefusal(id: PeerKeyId, init: AgentInit, cause: unknown): Promise<GatewayError> {
  const keys = await listKeys(init);
  if (!keys.some((key) => key.id === id)) {
    const why =
      keys.length === 0
        ? 'it shows no Ed25519 key, as a locked one does'
        : `it has ${keys.map(describeKey).join(', ')}`;
    return new GatewayError('not-found', `the ssh-agent does not hold ${describeId(id)}; ${why}`, {
      cause,
      remedy: 'Load it with ssh-add, or unlock the agent with ssh-add -X.',
    });
  }
  return new GatewayError('not-allowed', `the ssh-agent refused to sign with ${describeId(id)}`, {
    cause,
    remedy:
      'Confirm it where the agent asks (ssh-add -c); a key that is bound to hosts (ssh-add -h) signs only for them.',
  });
}

async function listKeys(init: AgentInit): Promise<readonly AgentKey[]> {
  const keys = await askAgent<readonly ParsedKey[]>(init, (protocol, done) => protocol.getIdentities(done));
  return keys.slice(0, KEYS_MAX).flatMap((key) => {
    if (key.type !== TYPE) return [];
    const blob = key.getPublicSSH();
    const publicKey = new Uint8Array(blob.subarray(BLOB_PREFIX.length));
    if (publicKey.length !== PUBLIC_KEY_BYTES) return [];
    return [{ id: formatKeyId(publicKey), comment: key.comment, fingerprint: fingerprintOf(publicKey) }];
  });
}

function fingerprintOf(publicKey: Uint8Array): string {
  const digest = createHash('sha256').update(BLOB_PREFIX).update(publicKey).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

function describeKey({ comment, fingerprint }: AgentKey): string {
  return comment === '' ? fingerprint : `${fingerprint} (${comment.replace(/[^\x20-\x7e]/g, '?').slice(0, 80)})`;
}

function describeId(id: PeerKeyId): string {
  return `the key ${fingerprintOf(publicKeyOf(id) ?? new Uint8Array())}`;
}
