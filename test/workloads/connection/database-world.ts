/** Two workers in this process, a client's local port, and real databases behind them. */

import { startTunnel, type Tunnel } from '../../../src/access/index.ts';
import { Secret } from '../../../src/base/secret.ts';
import type { Recording, RecordingEnding, RecordingStart } from '../../../src/recording/index.ts';
import type { Credential } from '../../../src/vault/index.ts';
import { createConnection } from '../../../src/workloads/connection/index.ts';
import type { StatementEvent } from '../../../src/workloads/connection/statement-sink.ts';
import { connectAdmin, soon, TestMember, TestPool } from '../../access/pool.ts';
import { MemoryVault, NO_CREDENTIAL } from '../memory-vault.ts';

/** A record to reach, and what to log in with. */
export interface Place {
  readonly title: string;
  readonly protocol: 'postgres' | 'mysql';
  readonly host?: string;
  readonly port: number;
  readonly user: string;
  /** Null: the vault has nothing. */
  readonly password: string | null;
  readonly options?: Readonly<Record<string, string>>;
}

/** A credential with a password only. */
export function passwordCredential(user: string, password: string): Credential {
  return { ...NO_CREDENTIAL, user, password: new Secret(password) };
}

/** What a session recorded. */
export interface Recorded {
  readonly title: string;
  readonly start: RecordingStart;
  readonly events: StatementEvent[];
  ending: RecordingEnding | undefined;
}

/** What databases have no use for. */
const ONLY_SSH = undefined as never;

/** Everything of one test file. */
export class DatabaseWorld {
  readonly pool = new TestPool();
  readonly vault = new MemoryVault();
  readonly recordings: Recorded[] = [];
  readonly #closers: (() => Promise<void>)[] = [];
  #placed = 0;

  static async start(): Promise<DatabaseWorld> {
    const world = new DatabaseWorld();
    const connection = createConnection({
      recorder: {
        start: async (start) => world.#record(start),
        follow: (start) => world.#record(start),
        live: () => [],
      },
      hostKeys: ONLY_SSH,
      proxyKey: ONLY_SSH,
      findRecords: () => [],
    });
    const init = { workloads: { connection }, vault: world.vault };
    for (const label of ['worker-1', 'worker-2']) {
      const member = await new TestMember(world.pool, label).start(init);
      world.#closers.push(() => member.stop());
    }
    // One after the other: what belongs together lands on different workers.
    world.pool.choose = () => world.pool.members[world.#placed++ % 2]?.id;
    return world;
  }

  /** The local port that leads to a new record. */
  async open(
    { title, protocol, host = '127.0.0.1', port, user, password, options = {} }: Place,
    local: { readonly path?: string } = {},
  ): Promise<Tunnel> {
    const added = this.pool.addRecord(host, port, title);
    const record = {
      ...added,
      type: 'database' as const,
      protocol,
      labels: Object.entries(options).map(([key, value]) => ({ key: `database.${key}`, value })),
    };
    this.pool.records.splice(this.pool.records.indexOf(added), 1, record);
    this.vault.set(record.recordId, password === null ? null : passwordCredential(user, password));
    const client = await connectAdmin(this.pool.members);
    this.#closers.push(() => client.stop());
    const { recordId } = record;
    const tunnel = await startTunnel({ client, recordId, kind: 'connection', port: 0, ...local }, soon());
    this.#closers.push(() => tunnel.stop());
    return tunnel;
  }

  /** What the sessions on a record recorded, in the order in which they began. */
  recorded(title: string): readonly Recorded[] {
    return this.recordings.filter((recording) => recording.title === title);
  }

  async stop(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  #record(start: RecordingStart): Recording {
    const recording: Recorded = { title: start.recordTitle, start, events: [], ending: undefined };
    this.recordings.push(recording);
    const notOfDatabases = (): never => {
      throw new Error('a database session has no screen');
    };
    return {
      id: start.jobId,
      info: { ...start, id: start.jobId, instanceId: '', startedUnixMs: 0 },
      failed: new Promise(() => undefined),
      isFull: false,
      drained: async () => undefined,
      output: notOfDatabases,
      errorOutput: notOfDatabases,
      input: notOfDatabases,
      resize: notOfDatabases,
      marker: notOfDatabases,
      statement: (value) => void recording.events.push(value as StatementEvent),
      end: async (ending) => {
        recording.ending = ending;
      },
    };
  }
}

/** Port of a tunnel. */
export function portOf({ listening }: Tunnel): number {
  return Number(listening.slice(listening.lastIndexOf(':') + 1));
}
