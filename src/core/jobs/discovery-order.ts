/** Pure: whether an instance may go on with a discovery by itself. What allows it is the request that its caller signed; each instance on the way compares. */
import { GatewayError } from '../../base/errors.ts';
import {
  afterOf,
  type DiscoveryJob,
  lanesOf,
  lastingParameters,
  type Onward,
  onwardJobId,
  TRIES_MAX,
  triesOf,
} from '../../wire/discovery-onward.ts';
import { readScope, scopeId, scopeOfPart } from '../../wire/discovery-scope.ts';
import type { JobNotice, JobRequest, JobState, Parameter } from '../../wire/job.ts';

/** A request is carried on no longer than this after its deadline: the largest range at the slowest sensible pace. */
const CARRIED_MS_MAX = 7 * 24 * 3_600_000;
/** States from which a discovery does not go on in this way. One that is not known to have ended may have, and its news be on the way. */
const ENDS: Readonly<Record<Onward, readonly JobState[]>> = {
  again: ['succeeded', 'failed', 'cancelled'],
  next: ['failed', 'cancelled', 'lost'],
};

const WAYS: readonly Onward[] = ['again', 'next'];

/** What an instance knows that judges. */
export interface OnwardQuestion {
  readonly request: JobRequest;
  readonly gatewayUid: string;
  /** The request that the caller signed. */
  readonly origin: JobRequest;
  /** What is known of the job that this one goes on from. */
  readonly before: JobNotice | undefined;
  readonly poolUnixMs: number;
}

/** Why the instance may not have the job done, or null. */
export function onwardProblem({ request, gatewayUid, origin, before, poolUnixMs }: OnwardQuestion): string | null {
  const after = afterOf(request.parameters);
  if (after === undefined) return `job ${request.jobId} does not say from which job it goes on`;
  if (origin.kind !== 'discovery' || origin.gatewayUid !== gatewayUid)
    return `job ${request.jobId} goes on from no discovery of this gateway`;
  if (poolUnixMs > origin.deadlineUnixMs + CARRIED_MS_MAX) return `discovery ${runIdOf(origin)} is too old to go on`;
  const isSame = formatAll(lastingParameters(request.parameters)) === formatAll(lastingParameters(origin.parameters));
  if (!isSame || request.parent !== runIdOf(origin) || !isInLane(request, origin))
    return `job ${request.jobId} is another discovery than ${runIdOf(origin)}`;
  const how = WAYS.find((way) => onwardJobId(gatewayUid, after, way) === request.jobId);
  if (how === undefined || !(triesOf(request.parameters) <= TRIES_MAX))
    return `job ${request.jobId} does not follow from ${after}`;
  return before !== undefined && ENDS[how].includes(before.state)
    ? `job ${after} is ${before.state}: the discovery does not go on from it`
    : null;
}

/** The discovery that a job belongs to. */
export function runIdOf({ jobId, parent }: Pick<DiscoveryJob, 'jobId' | 'parent'>): string {
  return parent ?? jobId;
}

/** True if it looks at the caller's part again, or at one that follows from it, and is named after that part. */
function isInLane({ parameters, recordId }: JobRequest, origin: JobRequest): boolean {
  try {
    const [scope, first] = [readScope(parameters), readScope(origin.parameters)];
    if (scopeId(scopeOfPart(scope)) !== recordId) return false;
    if (scope.part === null || first.part === null) return scope.part === first.part;
    const further = scope.part.index - first.part.index;
    return further === 0 || (further > 0 && further % lanesOf(parameters) === 0);
  } catch (error) {
    if (error instanceof GatewayError) return false;
    throw error;
  }
}

function formatAll(parameters: readonly Parameter[]): string {
  return JSON.stringify(parameters.map(({ name, value }) => [name, value]));
}
