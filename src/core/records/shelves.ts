import { GatewayError } from '../../base/errors.ts';
import type { InstanceId } from '../../base/ids.ts';
import type { Direct } from '../../wire/mesh-message.ts';
import type { CredentialShelf } from '../credentials/credential-shelf.ts';
import type { Outbox } from '../outbox.ts';
import type { RecordShelf } from './record-shelf.ts';

/** Direct messages by which records and credentials are brought to every instance. */
export type ShelfMessage = Extract<Direct, { readonly kind: (typeof SHELF_MESSAGES)[number] }>;

const SHELF_MESSAGES = [
  'records-compare',
  'records-batch',
  'credentials-compare',
  'credentials-batch',
  'holdings',
  'holdings-want',
  'edition-put',
  'edition-held',
] as const;

/** True for a message about records or credentials. */
export function isShelfMessage(message: Direct): message is ShelfMessage {
  return SHELF_MESSAGES.some((kind) => kind === message.kind);
}

/** What members tell each other about records and credentials, brought to the shelf it is about. */
export class Shelves {
  readonly #outbox: Outbox;
  readonly #shelves: { readonly records: RecordShelf; readonly credentials: CredentialShelf };

  /** Over both shelves. */
  constructor(outbox: Outbox, shelves: { readonly records: RecordShelf; readonly credentials: CredentialShelf }) {
    this.#outbox = outbox;
    this.#shelves = shelves;
  }

  /** A message of another member. */
  message(from: InstanceId, message: ShelfMessage): void {
    const { records, credentials } = this.#shelves;
    switch (message.kind) {
      case 'records-compare':
        return records.replication.compared(from, message.buckets);
      case 'credentials-compare':
        return credentials.replication.compared(from, message.buckets);
      case 'holdings':
        return this.#shelves[message.of].replication.listed(from, message.items);
      case 'holdings-want':
        return this.#shelves[message.of].replication.wanted(from, message.keys);
      case 'records-batch':
        return this.#batch(records, from, message.sealed);
      case 'credentials-batch':
        return this.#batch(credentials, from, message.sealed);
      case 'edition-put':
        return credentials.put(from, message);
      case 'edition-held':
        return credentials.acknowledgements.held(from, message.nonce);
    }
  }

  /** One that is wrong must not keep the others of a batch out. */
  #batch(shelf: RecordShelf | CredentialShelf, from: InstanceId, batch: readonly Uint8Array[]): void {
    shelf.replication.received(from, batch);
    for (const sealed of batch) {
      try {
        shelf.received(sealed);
      } catch (cause) {
        if (!(cause instanceof GatewayError)) throw cause;
        this.#outbox.note('warn', 'message-refused', { from, reason: cause.message });
      }
    }
  }
}
