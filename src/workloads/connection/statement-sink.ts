/** What a database session did, statement by statement, for whoever records it. */

/** A statement as the client sent it, or what became of one. Numbers grow within a session; every `sent` has at most one end. */
export type StatementEvent =
  | {
      readonly kind: 'sent';
      readonly number: number;
      readonly atMs: number;
      /** The text, cut where it is very long. Values bound to a prepared statement are not in it. */
      readonly text: string;
      readonly isCut: boolean;
    }
  | {
      readonly kind: 'done';
      readonly number: number;
      readonly atMs: number;
      readonly elapsedMs: number;
      /** Rows returned or changed, where the database says how many. */
      readonly rows: number | null;
    }
  | {
      readonly kind: 'failed';
      readonly number: number;
      readonly atMs: number;
      readonly elapsedMs: number;
      /** The database's own code, such as an SQLSTATE. Untrusted text. */
      readonly code: string;
      readonly message: string;
    };

/** Takes the statements of one session. Called synchronously on the way of the bytes: it must not wait. */
export interface StatementSink {
  take(event: StatementEvent): void;
}

/** Most characters of a statement's text that are kept. */
export const STATEMENT_LENGTH_MAX = 64 * 1024;
