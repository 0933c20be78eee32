import { compareText } from '../../base/bytes.ts';
import { compareIds, type InstanceId } from '../../base/ids.ts';
import { ERROR_TEXT_MAX } from '../../wire/bounds.ts';
import { isFinal, type JobNotice, type JobState, type TraceStep } from '../../wire/job.ts';
import { jobNewsSeal, TRACE_STEPS_MAX } from '../../wire/mesh-message.ts';
import { open } from '../../wire/sealed.ts';
import type { CoreContext } from '../core-context.ts';
import { failure } from '../effect.ts';
import { isLive } from '../membership/member-table.ts';
import type { JobsView } from '../view.ts';
import { JobNews } from './job-news.ts';

/** Jobs an instance knows of; the oldest that have ended are forgotten first. */
export const JOBS_KNOWN_MAX = 5000;

const PRECEDENCE: Readonly<Record<JobState, number>> = {
  submitted: 0,
  accepted: 1,
  running: 2,
  lost: 3,
  succeeded: 4,
  failed: 4,
  cancelled: 4,
};

/** What this instance knows of the pool's jobs. */
export class JobBoard implements JobsView {
  readonly #context: CoreContext;
  readonly #notices = new Map<string, JobNotice>();
  readonly #steps = new Map<string, TraceStep[]>();
  /** What this instance tells the others. */
  readonly news: JobNews;

  /** An empty board. */
  constructor(context: CoreContext) {
    this.#context = context;
    this.news = new JobNews(context, this);
  }

  /** What is known of a job. */
  get(jobId: string): JobNotice | undefined {
    return this.#notices.get(jobId);
  }

  /** Newest first. */
  jobs(most: number): readonly JobNotice[] {
    return [...this.#notices.values()]
      .sort((a, b) => b.submittedUnixMs - a.submittedUnixMs || compareText(a.jobId, b.jobId))
      .slice(0, most);
  }

  /** What happened to the job on this instance. */
  trace(jobId: string): readonly TraceStep[] {
    return this.#steps.get(jobId) ?? [];
  }

  /** Writes down something that happened to a job here. */
  step(jobId: string, what: string, detail = ''): void {
    const steps = this.#steps.get(jobId) ?? [];
    if (steps.length >= TRACE_STEPS_MAX) return;
    const atUnixMs = this.#context.clock.poolUnixMs(this.#context.now.unixMs);
    steps.push({ atUnixMs, instanceId: this.#context.self, what, detail: detail.slice(0, ERROR_TEXT_MAX) });
    this.#steps.set(jobId, steps);
  }

  /** This instance's own word on a job; told to everyone soon. */
  tell(notice: JobNotice): void {
    this.#notices.set(notice.jobId, notice);
    this.news.add(notice.jobId);
    this.#trim();
  }

  /** Another instance's word: states only go forward, but the worker's own word on a job believed lost counts. */
  hear(notice: JobNotice, teller: InstanceId): boolean {
    const known = this.#notices.get(notice.jobId);
    if (teller !== notice.worker && teller !== notice.entry) return false;
    if (known !== undefined && !this.#isNews(notice, known, teller)) return false;
    this.#notices.set(notice.jobId, notice);
    this.#trim();
    // News can arrive after its teller has gone: nobody will say how such a job ended.
    if (!isFinal(notice.state) && notice.worker !== null && this.#isGone(notice.worker)) this.memberGone(notice.worker);
    return true;
  }

  /** Takes in signed news. */
  heardNews(sealed: Uint8Array): readonly JobNotice[] {
    const { value, signers } = open(jobNewsSeal, sealed, this.#context.init.verify);
    if (!signers.includes(value.teller) || value.teller === this.#context.self) return [];
    return this.heardFrom(value.teller, value.notices);
  }

  /** Takes in what a member says over its link. */
  heardFrom(teller: InstanceId, notices: readonly JobNotice[]): readonly JobNotice[] {
    return notices.filter((notice) => this.hear(notice, teller));
  }

  /** A worker or entry is gone: what it had not ended is lost, visibly. Returns what was lost just now. */
  memberGone(gone: InstanceId): readonly JobNotice[] {
    const lost: JobNotice[] = [];
    for (const notice of this.#notices.values()) {
      const tied = notice.worker === gone || (notice.worker === null && notice.entry === gone);
      if (!tied || isFinal(notice.state)) continue;
      const message = `instance ${gone} was lost while the job was ${notice.state}; whether it finished is unknown`;
      const ended = {
        ...notice,
        state: 'lost' as const,
        endedUnixMs: this.#poolUnixMs(),
        error: failure('outcome-unknown', message),
      };
      this.#notices.set(notice.jobId, ended);
      this.step(notice.jobId, 'lost', message);
      lost.push(ended);
    }
    return lost;
  }

  #isNews(notice: JobNotice, known: JobNotice, teller: InstanceId): boolean {
    const difference = PRECEDENCE[notice.state] - PRECEDENCE[known.state];
    if (difference > 0 || (difference === 0 && !isFinal(known.state))) return true;
    const worker = known.state === 'lost' && teller === notice.worker ? this.#context.table.get(teller) : undefined;
    return worker !== undefined && isLive(worker) && notice.state !== 'lost';
  }

  #isGone(instanceId: InstanceId): boolean {
    const member = this.#context.table.get(instanceId);
    return member !== undefined && !isLive(member);
  }

  #poolUnixMs(): number {
    return this.#context.clock.poolUnixMs(this.#context.now.unixMs);
  }

  #trim(): void {
    if (this.#notices.size <= JOBS_KNOWN_MAX) return;
    const ended = [...this.#notices.values()].filter(({ state }) => isFinal(state));
    const drop = (ended.length > 0 ? ended : [...this.#notices.values()]).slice(0, Math.ceil(JOBS_KNOWN_MAX / 10));
    for (const { jobId } of drop) {
      this.#notices.delete(jobId);
      this.#steps.delete(jobId);
      this.news.forget(jobId);
    }
  }
}

/** The fuller of several notices of one job: the furthest state, then the teller's order. Pure. */
export function bestNotice(notices: readonly JobNotice[]): JobNotice | null {
  const sorted = [...notices].sort(
    (a, b) => PRECEDENCE[b.state] - PRECEDENCE[a.state] || compareIds(a.worker ?? a.entry, b.worker ?? b.entry),
  );
  return sorted[0] ?? null;
}
