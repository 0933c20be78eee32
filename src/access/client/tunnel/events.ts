import type { Failure } from '../../../wire/job.ts';

/** What happens to a running tunnel. */
export type TunnelEvent =
  | { readonly kind: 'connection-opened'; readonly jobId: string; readonly worker: string }
  | {
      readonly kind: 'connection-closed';
      readonly jobId: string;
      readonly worker: string;
      readonly bytesIn: number;
      readonly bytesOut: number;
    }
  /** No worker could take the connection, or the target did not answer: the local connection was reset. */
  | { readonly kind: 'connection-failed'; readonly failure: Failure }
  /** The instance that held the tunnel's registration is gone; connections go on, and it is registered anew. */
  | { readonly kind: 'lease-lost' }
  | { readonly kind: 'lease-renewed'; readonly jobId: string; readonly worker: string };
