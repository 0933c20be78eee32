import { afterOf } from '../../wire/discovery-onward.ts';
import { isFinal, type JobNotice, type JobRequest, jobRequestSeal } from '../../wire/job.ts';
import { rotatesAfterSession } from '../../wire/rotation-schedule.ts';
import { open, seal } from '../../wire/sealed.ts';
import type { CoreContext } from '../core-context.ts';
import type { RecordShelf } from '../records/record-shelf.ts';
import { afterSessionJobId } from '../schedules/due.ts';
import type { DueBook } from '../schedules/due-book.ts';
import { AFTER_SESSION_PARAMETER, callerProblem, orderProblem } from '../schedules/order.ts';
import { JOB_DEADLINE_MS_MAX } from '../timing.ts';
import { onwardProblem } from './discovery-order.ts';
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
 * Jobs that an instance asks for by itself, signed with its own key: rotations that are due, or that follow a session, which their record allows, signed by an
 * admin; and parts of a discovery, which the request allows that began it. Every instance on the way compares the two.
 */
export class OwnOrders {
  readonly #parts: OwnOrdersParts;

  /** Needs nothing yet. */
  constructor(parts: OwnOrdersParts) {
    this.#parts = parts;
  }

  /** Has the job done; a failure is the job's, on the board for everybody. */
  place(
    job: Pick<JobRequest, 'jobId' | 'recordId' | 'parent' | 'parameters'>,
    more: Partial<Pick<JobRequest, 'kind' | 'grant'>> = {},
  ): void {
    const { context, desk } = this.#parts;
    const { init, self, outbox } = context;
    const request: JobRequest = {
      ...job,
      gatewayUid: init.gateway.uid,
      kind: 'rotation',
      grant: null,
      ...more,
      entry: self,
      entryStartId: init.startId,
      caller: self,
      deadlineUnixMs: this.#poolUnixMs() + DEADLINE_MS,
    };
    const opened = open(jobRequestSeal, seal(jobRequestSeal, request, [init.identity]), init.verify);
    desk().submit({ opened, source: null }, (reply) => {
      if (reply.kind !== 'refused') return;
      const refused = { jobId: job.jobId, recordId: job.recordId, reason: reply.failure.message };
      if (request.kind === 'rotation') outbox.note('warn', 'rotation-not-placed', refused);
      else outbox.note('warn', 'discovery-not-placed', refused);
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

  /** Why an instance may not have this done by itself, or null. `origin`: the request that began what it goes on with. */
  problem(request: JobRequest, origin: JobRequest | null): string | null {
    const { context, shelf, board, dues } = this.#parts;
    const { init, table } = context;
    const { recordId, caller, parent } = request;
    if (origin !== null && request.kind === 'discovery') {
      const before = board.get(afterOf(request.parameters) ?? '');
      const question = { request, gatewayUid: init.gateway.uid, origin, before, poolUnixMs: this.#poolUnixMs() };
      return callerProblem(caller, table.get(caller)) ?? onwardProblem(question);
    }
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
