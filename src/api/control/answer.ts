import { GatewayError } from '../../base/errors.ts';
import type { PoolPort } from '../../pool-port.ts';
import { JOBS_MAX } from '../bounds.ts';
import type { EventList } from '../event-list.ts';
import type { InstanceFacts } from '../instance-facts.ts';
import { reportHealth, reportPolicy, reportPool, reportStatus, reportTopic } from '../reports/instance-reports.ts';
import { reportEvents, reportJob, reportTrace } from '../reports/job-reports.ts';
import { reportAdmission, reportLoad, reportMembers } from '../reports/member-reports.ts';
import { assembleBundle } from './assemble-bundle.ts';
import type { StartedReport } from './control-message.ts';
import type { ControlRequest } from './control-request.ts';

/** What the control socket and the HTTP listener tell about and act on. */
export interface ControlSource {
  readonly port: PoolPort;
  readonly facts: InstanceFacts;
  readonly events: EventList;
  /** Settings of this instance for the bundle; secrets are removed there once more. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Begins to drain; ends when that has begun. */
  drain(reason: string): void;
  /** Begins to stop; the process ends soon after. */
  stop(reason: string): void;
  /** Told of programmer errors in an answer, for the log. */
  onBug(error: unknown): void;
}

/** The report that a request asks for. */
export async function answerControl(
  request: ControlRequest,
  source: ControlSource,
  signal: AbortSignal,
): Promise<unknown> {
  const { port, facts, events } = source;
  const view = port.view();
  const self = { port, view, facts };
  switch (request.kind) {
    case 'pool':
      return reportPool(self);
    case 'status':
      return reportStatus(self);
    case 'members':
      return reportMembers(view);
    case 'admission':
      return reportAdmission(view);
    case 'load':
      return reportLoad(view);
    case 'topic':
      return reportTopic(facts);
    case 'policy':
      return reportPolicy(view);
    case 'jobs':
      return { jobs: port.jobs.jobs(request.most).map((notice) => reportJob(notice, port.records)) };
    case 'trace':
      return traceJob(request.jobId, source, signal);
    case 'events':
      return reportEvents(events.latest(request.most));
    case 'health':
      return reportHealth(self);
    case 'drain':
      source.drain('asked by gateway drain');
      return started(source);
    case 'stop':
      source.stop('asked by gateway stop');
      return started(source);
    case 'bundle':
      return assembleBundle(source, { jobsMost: Math.min(1000, JOBS_MAX) });
  }
}

/** Asks the whole pool: the path of a job lies on two instances, and neither need be this one. */
async function traceJob(jobId: string, { port }: ControlSource, signal: AbortSignal): Promise<unknown> {
  const reply = await port.queryJob(jobId, true, signal);
  if (reply.kind === 'refused') throw new GatewayError(reply.failure.code, reply.failure.message);
  if (reply.kind !== 'job' || (reply.notice === null && reply.steps.length === 0)) {
    throw new GatewayError('not-found', `no instance that answers knows a job ${jobId}`, {
      remedy: 'gateway debug jobs lists the latest ones.',
    });
  }
  const job = reply.notice === null ? null : reportJob(reply.notice, port.records);
  return reportTrace(jobId, { job, steps: reply.steps, members: port.view().members });
}

function started({ port, facts }: ControlSource): StartedReport {
  return { instanceId: port.instanceId, name: facts.name, state: port.view().state, processId: facts.processId };
}
