import { isFinal, type JobNotice, type JobRequest, jobRequestSeal } from '../../wire/job.ts';
import { rotatesAfterSession } from '../../wire/rotation-schedule.ts';
import { open, seal } from '../../wire/sealed.ts';
import type { CoreContext } from '../core-context.ts';
import type { RecordShelf } from '../records/record-shelf.ts';
import { afterSessionJobId } from '../schedules/due.ts';
import type { DueBook } from '../schedules/due-book.ts';
import { AFTER_SESSION_PARAMETER, orderProblem } from '../schedules/order.ts';
import { JOB_DEADLINE_MS_MAX } from '../timing.ts';
import type { EntryDesk } from './entry-desk.ts';
import type { JobBoard } from './job-board.ts';
import { isSession } from './unattended.ts';

/** How long a worker may be looked for. */
const DEADLINE_MS = JOB_DEADLINE_MS_MAX / 2;

/** What the orders are built with; the desk and the book are built after them. */
export interface OwnOrdersParts {
  readonly context: CoreContext;
  readonly shelf: RecordShelf;
  readonly board: JobBoard;
  readonly desk: () => EntryDesk;
  readonly dues: () => DueBook;
}

/**
 * Jobs that an instance asks for by itself, signed with its own key: rotations that are due, or that follow a session. The record, which an admin has signed,
 * is what allows them, and every instance on the way compares the two.
 */
export class OwnOrders {
  readonly #parts: OwnOrdersParts;

  /** Needs nothing yet. */
  constructor(parts: OwnOrdersParts) {
    this.#parts = parts;
  }

  /** Has the job done; a failure is the job's, on the board for everybody. */
  place(job: Pick<JobRequest, 'jobId' | 'recordId' | 'parent' | 'parameters'>): void {
    const { context, desk } = this.#parts;
    const { init, self, outbox } = context;
    const request: JobRequest = {
      ...job,
      gatewayUid: init.gateway.uid,
      kind: 'rotation',
      entry: self,
      entryStartId: init.startId,
      caller: self,
      deadlineUnixMs: this.#poolUnixMs() + DEADLINE_MS,
      grant: null,
    };
    const opened = open(jobRequestSeal, seal(jobRequestSeal, request, [init.identity]), init.verify);
    desk().submit({ opened, source: null }, (reply) => {
      if (reply.kind !== 'refused') return;
      const { jobId, recordId } = job;
      outbox.note('warn', 'rotation-not-placed', { jobId, recordId, reason: reply.failure.message });
    });
  }

  /** A job of this worker has changed: where it was a session whose record says so, the credential it used is replaced. */
  changed(notice: JobNotice): void {
    if (!isFinal(notice.state) || !isSession(notice)) return;
    const { recordId, jobId } = notice;
    const record = this.#parts.shelf.find(recordId)[0];
    if (record === undefined || !rotatesAfterSession(record)) return;
    const { uid } = this.#parts.context.init.gateway;
    const parameters = [{ name: AFTER_SESSION_PARAMETER, value: 'yes' }];
    this.place({ jobId: afterSessionJobId(uid, jobId), recordId, parent: jobId, parameters });
  }

  /** Why an instance may not have this done by itself, or null. */
  problem(request: JobRequest): string | null {
    const { context, shelf, board, dues } = this.#parts;
    const { init, table } = context;
    const { recordId, caller, parent } = request;
    return orderProblem({
      request,
      gatewayUid: init.gateway.uid,
      record: shelf.find(recordId)[0],
      caller: table.get(caller),
      poolUnixMs: this.#poolUnixMs(),
      cron: init.cron,
      last: dues().last(recordId),
      session: parent === null ? undefined : board.get(parent),
    });
  }

  #poolUnixMs(): number {
    return this.#parts.context.clock.poolUnixMs(this.#parts.context.now.unixMs);
  }
}
