import type { JobNotice } from '../../../src/wire/job.ts';
import { isFinal } from '../../../src/wire/job.ts';
import { type MakeChecker, Violation } from '../checker.ts';
import type { JobFate } from '../clients.ts';
import type { SimProcess } from '../sim-process.ts';
import type { World } from '../world.ts';

/** Before the end every instance is asked for every job. */
const ASK_BEFORE_END_MS = 3000;

/** One id is carried out at most once; an accepted job reaches a final state or is visibly lost; everybody can tell which. */
export const jobsChecker: MakeChecker = (world) => {
  const answers: { readonly fate: JobFate; readonly asked: SimProcess; notice: JobNotice | null | undefined }[] = [];
  const ask = (): void => {
    for (const asked of world.live().filter(({ sight }) => sight.state === 'admitted')) {
      for (const fate of world.clients.jobs.values()) {
        if (fate.acceptedAtMs === null) continue;
        const answer: (typeof answers)[number] = { fate, asked, notice: undefined };
        answers.push(answer);
        world.ask(
          asked,
          (ticket) => ({ kind: 'query-job', jobId: fate.jobId, wantTrace: false, ticket }),
          (reply) => {
            answer.notice = reply.kind === 'job' ? reply.notice : null;
          },
        );
      }
    }
  };
  world.queue.push(world.plan.chaosMs + world.plan.quietMs - ASK_BEFORE_END_MS, ask);
  return {
    effect(process, effect) {
      if (effect.kind !== 'run') return;
      const { jobId } = effect.request;
      const fate = world.clients.jobs.get(jobId);
      if (fate === undefined) throw new Violation('jobs', `${process.name} runs ${jobId}, which nobody asked for`);
      // `runs` grows when the client learns of it, so it holds what ran before.
      const before = fate.runs.filter((run) => run.process !== process || run.atMs < world.now());
      if (before.length > 0) {
        throw new Violation(
          'jobs',
          `job ${jobId} runs again on ${process.name}, after ${before.map((run) => run.process.name).join(' ')}`,
        );
      }
    },
    finished() {
      for (const { fate, asked, notice } of answers) {
        if (wasCopied(world, fate.worker) || wasCopied(world, fate.request.entry) || wasCopied(world, asked.id))
          continue;
        if (notice === undefined) throw new Violation('jobs', `${asked.name} gave no answer about job ${fate.jobId}`);
        if (notice === null) {
          if (memoryLeft(world, fate))
            throw new Violation(
              'jobs',
              `${asked.name} does not know job ${fate.jobId} of worker ${fate.worker?.slice(-6)}`,
            );
          continue;
        }
        const running = fate.runs.some((run) => run.ended === null && run.process.running);
        if (!isFinal(notice.state) && !running) {
          throw new Violation(
            'jobs',
            `${asked.name} says that job ${fate.jobId} is ${notice.state}, nothing carries it out any more`,
          );
        }
        const done = fate.runs.find((run) => run.ended !== null && run.process.running);
        if (done !== undefined && notice.state !== done.ended) {
          throw new Violation(
            'jobs',
            `${asked.name} says that job ${fate.jobId} is ${notice.state}; on ${done.process.name} it ${done.ended}`,
          );
        }
      }
    },
  };
};

/** Of two copies of one data directory only one has the journal: what the other one says of a job is no promise. */
function wasCopied(world: World, id: string | null): boolean {
  return new Set(world.processes.filter((process) => process.id === id).map(({ host }) => host)).size > 1;
}

/** The worker, or whoever runs on its disk now, is there to tell. */
function memoryLeft(world: World, { worker }: JobFate): boolean {
  return world.live().some(({ id }) => id === worker);
}
