import type { Listening } from './reports/report.ts';

/** What the reports say of the running instance beyond the protocol's own view. */
export interface InstanceFacts {
  readonly name: string;
  readonly version: string;
  readonly platform: string;
  readonly startedUnixMs: number;
  readonly processId: number;
  readonly dataDir: string;
  /** The pool's gossip topic. */
  readonly topic: string;
  /** The pool's public id, derived from its configuration. */
  readonly poolId: string;
  /** Where it listens at this moment. */
  listening(): Listening;
  /** Why the audit log cannot be written; null while it can. */
  auditFailure(): string | null;
  /** Ids of the gossip mesh's direct peers. */
  meshPeers(): readonly string[];
}
