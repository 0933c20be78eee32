/**
 * A fake of Keeper's service, made for these tests: it speaks the real protocol (ECIES transmission keys, AES-GCM payloads, ECDSA signatures, wrapped record
 * keys, revisions, two-step rotation, answers for a wrong key and for too many requests) and keeps a few records in memory. It is not Keeper.
 */
import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  generateKeyPairSync,
  randomBytes,
  verify,
} from 'node:crypto';
import { connectPlatform, type KeeperRecord, platform } from '@keeper-security/secrets-manager-core';
import { Secret } from '../../src/base/secret.ts';
import { parseKeeperConfiguration } from '../../src/vault/keeper/configuration.ts';
import type { KeeperPost } from '../../src/vault/keeper/keeper-service.ts';

interface Stored {
  readonly key: Buffer;
  data: object;
  revision: number;
  readonly links: KeeperRecord['links'];
  /** What stood there before a rotation that has not been completed. */
  before: object | undefined;
}

interface Payload {
  readonly clientId: string;
  readonly recordUid: string;
  readonly data: string;
  readonly revision: number;
  readonly transactionType?: string;
  readonly requestedRecords?: readonly string[];
}

/** The service, one application and its client. */
export class FakeKeeper {
  readonly requests: string[] = [];
  /** Which of its keys it wants requests to be encrypted to. */
  keyId = 7;
  /** Answers the next requests with "throttled". */
  throttled = 0;
  /** The next update is carried out, and its answer lost. */
  losesAnswer = false;
  /** The second step of a rotation fails. */
  refusesCompletion = false;
  readonly #ecdh = createECDH('prime256v1');
  readonly #client = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  readonly #appKey = randomBytes(32);
  readonly #records = new Map<string, Stored>();

  constructor() {
    this.#ecdh.generateKeys();
    // The SDK encrypts to keys that only Keeper has the other half of: here it encrypts to this fake's instead.
    const real = platform;
    real.cleanKeyCache();
    connectPlatform({ ...real, publicEncrypt: (data) => real.publicEncrypt(data, this.#ecdh.getPublicKey()) });
  }

  /** The configuration as the console gives it. */
  configuration() {
    const privateKey = this.#client.privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
    const appKey = this.#appKey.toString('base64');
    const entries = { hostname: 'keeper.test', clientId: 'Y2xpZW50', privateKey, appKey, serverPublicKeyId: '7' };
    const text = new Secret(Buffer.from(JSON.stringify(entries)).toString('base64'));
    return parseKeeperConfiguration({ text, where: 'test' });
  }

  add(recordUid: string, data: object, links: KeeperRecord['links'] = []): void {
    this.#records.set(recordUid, { key: randomBytes(32), data, revision: 1, links, before: undefined });
  }

  /** What a person sees in Keeper. */
  data(recordUid: string): {
    readonly fields: readonly { readonly type: string; readonly value: readonly unknown[] }[];
  } {
    return structuredClone(this.#record(recordUid).data) as ReturnType<FakeKeeper['data']>;
  }

  /** A person changes the record in Keeper. */
  edit(recordUid: string, data: object): void {
    const record = this.#record(recordUid);
    record.data = data;
    record.revision += 1;
  }

  readonly post: KeeperPost = async ({ url, headers, body, signal }) => {
    signal.throwIfAborted();
    const method = /^https:\/\/keeper\.test\/api\/rest\/sm\/v1\/(\w+)$/.exec(url)?.[1] ?? '';
    this.requests.push(method);
    if (this.throttled > 0) {
      this.throttled -= 1;
      return error(403, { error: 'throttled', retry_after: 0.05 });
    }
    if (headers['PublicKeyId'] !== String(this.keyId)) return error(401, { error: 'key', key_id: this.keyId });
    const transmission = Buffer.from(headers['TransmissionKey'] ?? '', 'base64');
    const signature = Buffer.from((headers['Authorization'] ?? '').replace('Signature ', ''), 'base64');
    if (!verify('sha256', Buffer.concat([transmission, body]), this.#client.publicKey, signature))
      return error(403, { error: 'access_denied', message: 'Signature is invalid' });
    const shared = this.#ecdh.computeSecret(transmission.subarray(0, 65));
    const key = open(createHash('sha256').update(shared).digest(), transmission.subarray(65));
    const answer = this.#answer(method, JSON.parse(open(key, Buffer.from(body)).toString()) as Payload);
    if (answer === undefined) return { status: 200, body: new Uint8Array() };
    return 'error' in answer
      ? error(400, answer)
      : { status: 200, body: seal(key, Buffer.from(JSON.stringify(answer))) };
  };

  #answer(method: string, payload: Payload): object | undefined {
    switch (method) {
      case 'get_secret':
        return {
          expiresOn: 0,
          folders: [],
          records: (payload.requestedRecords ?? []).flatMap((uid) => this.#sealed(uid)),
        };
      case 'update_secret':
        return this.#update(payload);
      case 'finalize_secret_update':
        if (this.refusesCompletion) return { error: 'internal', message: 'completion failed' };
        this.#record(payload.recordUid).before = undefined;
        return undefined;
      case 'rollback_secret_update': {
        const record = this.#record(payload.recordUid);
        this.edit(payload.recordUid, record.before ?? record.data);
        record.before = undefined;
        return undefined;
      }
      default:
        return { error: 'bad_request', message: `no method ${method}` };
    }
  }

  #update({ recordUid, data, revision, transactionType }: Payload): object | undefined {
    const record = this.#record(recordUid);
    if (record.revision !== revision) return { error: 'bad_request', message: 'Record is out of sync' };
    if (transactionType === 'rotation') record.before = record.data;
    this.edit(recordUid, JSON.parse(open(record.key, Buffer.from(data, 'base64url')).toString()) as object);
    if (!this.losesAnswer) return undefined;
    this.losesAnswer = false;
    return { error: 'internal', message: 'the answer was lost' };
  }

  #sealed(recordUid: string): object[] {
    const record = this.#records.get(recordUid);
    if (record === undefined) return [];
    const { key, data, revision, links } = record;
    const recordKey = seal(this.#appKey, key).toString('base64');
    return [
      { recordUid, recordKey, data: seal(key, Buffer.from(JSON.stringify(data))).toString('base64'), revision, links },
    ];
  }

  #record(recordUid: string): Stored {
    const record = this.#records.get(recordUid);
    if (record === undefined) throw new Error(`no record ${recordUid}`);
    return record;
  }
}

function seal(key: Buffer, content: Buffer): Buffer {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  return Buffer.concat([iv, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

function open(key: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12)).setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
}

function error(status: number, answer: object): { readonly status: number; readonly body: Uint8Array } {
  return { status, body: new TextEncoder().encode(JSON.stringify(answer)) };
}
