/**
 * Connections: sessions on a machine or a database whose credential the client never sees. The record's `protocol` says what is spoken; one folder each.
 * This file is *not* concerned with any protocol: it finds the one that is meant.
 *
 * Adding a protocol: its folder, and one line in the table below. What is not in the table is answered `not-supported`.
 */
import type { Secret } from '../../base/secret.ts';
import type { Recorder } from '../../recording/index.ts';
import { namedProtocol } from '../../wire/access-job.ts';
import type { TargetRecord } from '../../wire/record.ts';
import type { Outcome, Session, Workload } from '../workload.ts';
import { mysql } from './mysql/index.ts';
import { failedBefore } from './outcome.ts';
import { postgres } from './postgres/index.ts';
import type { HostKeyBook } from './ssh/host-key.ts';
import { ssh } from './ssh/index.ts';
import { KeyRing } from './ssh/key-ring.ts';

/** What carrying out connections needs besides the session. */
export interface ConnectionComponents {
  readonly recorder: Recorder;
  readonly hostKeys: HostKeyBook;
  /** The pool's key that the host keys towards people's own `ssh` are made from. */
  readonly proxyKey: () => Secret<Uint8Array>;
  /** The records with this id or title. */
  readonly findRecords: (named: string) => readonly TargetRecord[];
}

/** What a protocol works with: the above, and what lasts longer than one session. */
export interface ProtocolComponents extends ConnectionComponents {
  readonly keyRing: KeyRing;
}

/** One protocol of connections. */
export interface ConnectionProtocol {
  /** As `Workload.run`. */
  run(session: Session, components: ProtocolComponents): Promise<Outcome>;
}

/** Protocols by the name that stands in a record. */
const PROTOCOLS: Readonly<Record<string, ConnectionProtocol>> = { mysql, postgres, ssh };

/** The connection workload. */
export function createConnection(components: ConnectionComponents): Workload {
  const lasting: ProtocolComponents = { ...components, keyRing: new KeyRing() };
  return {
    kind: 'connection',
    protocols: Object.keys(PROTOCOLS),
    run: async (session) => {
      const { protocol, title } = session.record;
      const named = namedProtocol(session.request);
      if (named !== undefined && named !== protocol) {
        return failedBefore('bad-usage', `record "${title}" has the protocol ${protocol}, not ${named}`);
      }
      const found = Object.hasOwn(PROTOCOLS, protocol) ? PROTOCOLS[protocol] : undefined;
      if (found !== undefined) return found.run(session, lasting);
      const known = Object.keys(PROTOCOLS).join(', ');
      return failedBefore(
        'not-supported',
        `record "${title}" has the protocol ${protocol}; connections exist for ${known}`,
      );
    },
  };
}
