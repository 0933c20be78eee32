import { z } from 'zod';
import { keyPairFromSeed } from '../../base/ed25519.ts';
import { GatewayError } from '../../base/errors.ts';
import { type PeerKeyId, parseKeyId } from '../../base/ids.ts';
import { Secret } from '../../base/secret.ts';
import { formatBase64, parseBase64, parseJsonObject, refuseOtherVersion } from '../document.ts';
import { ConfigError } from '../mistakes.ts';
import { readConfigFile, savePrivateFile } from '../secret-file.ts';
import { formatLockedKey, type LockedKey, lockKey, parseLockedKey, unlockKey } from './key-lock.ts';

/** A private key as a file holds it: the seed itself, the seed under a passphrase, or no more than that an agent has it. */
export type KeyDocument = Uint8Array | LockedKey | KeyInAgent;

/** The public half of a key that ssh-agent holds. */
export interface KeyInAgent {
  readonly inAgent: PeerKeyId;
}

/** Bytes of an Ed25519 seed. */
export const SEED_BYTES = 32;

const inAgentSchema = z.strictObject({ inAgent: z.string() });

/** The key in a JSON document; undefined if it is none. */
export function parseKeyDocument(raw: unknown): KeyDocument | undefined {
  if (typeof raw !== 'string') return parseKeyInAgent(raw) ?? parseLockedKey(raw);
  const seed = parseBase64(raw);
  return seed?.length === SEED_BYTES ? seed : undefined;
}

function parseKeyInAgent(raw: unknown): KeyInAgent | undefined {
  const parsed = inAgentSchema.safeParse(raw);
  const inAgent = parsed.success ? parseKeyId(parsed.data.inAgent) : undefined;
  return inAgent === undefined ? undefined : { inAgent };
}

/** What `parseKeyDocument` reads. */
export function formatKeyDocument(key: KeyDocument): unknown {
  if ('inAgent' in key) return { inAgent: key.inAgent };
  return key instanceof Uint8Array ? formatBase64(key) : formatLockedKey(key);
}

/** The id of the public half. */
export function keyIdOf(key: KeyDocument): PeerKeyId {
  if ('inAgent' in key) return key.inAgent;
  return key instanceof Uint8Array ? keyPairFromSeed(key).id : key.id;
}

/** The seed. Throws `bad-config` where a passphrase is needed and none is given, `not-allowed` for a wrong one. */
export function openKey(key: KeyDocument, where: string, passphrase: Secret<string> | undefined): Secret<Uint8Array> {
  if (key instanceof Uint8Array) return new Secret(key);
  if ('inAgent' in key) {
    const remedy = 'Use a command that signs with the agent, or a key of its own: pam login.';
    throw new ConfigError([{ where, problem: 'its key is in ssh-agent, which shows it to nobody', remedy }]);
  }
  if (passphrase !== undefined) return unlockKey(key, passphrase);
  const problem = 'its key is protected by a passphrase, and none was given';
  throw new ConfigError([
    { where, problem, remedy: 'Type it at a terminal, or name a file that holds it with PAM_PASSPHRASE_FILE.' },
  ]);
}

/** Keeps a user's own key in a file of its own, until a grant makes a profile of it. Throws `already-exists`. */
export function saveUserKey(
  path: string,
  key: Secret<Uint8Array> | KeyInAgent,
  passphrase: Secret<string> | undefined,
): void {
  const document = key instanceof Secret ? protect(key, passphrase) : key;
  const text = `${JSON.stringify({ version: 1, key: formatKeyDocument(document) }, undefined, 2)}\n`;
  savePrivateFile(path, text, { replace: false });
}

/** The seed as a file holds it. Throws `bad-usage` for a passphrase that is too short. */
export function protect(seed: Secret<Uint8Array>, passphrase: Secret<string> | undefined): KeyDocument {
  return passphrase === undefined ? seed.reveal() : lockKey(seed, passphrase);
}

/** The key that `saveUserKey` wrote. Throws `bad-config`, `not-found` if there is no such file. */
export function loadUserKey(path: string): KeyDocument {
  const missing = 'Make one with: pam login';
  const raw = parseJsonObject(readConfigFile({ path, what: 'user key', missing, secret: true }), path);
  refuseOtherVersion(raw, path);
  const key = parseKeyDocument(raw['key']);
  if (key !== undefined) return key;
  throw new GatewayError('bad-config', `${path}: key: (not shown) is wrong; expected what "pam login" wrote`);
}
