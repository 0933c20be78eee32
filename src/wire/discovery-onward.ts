/** Pure: how a discovery goes on where one of its jobs has ended, without whoever asked for it. */
import { derivedId } from '../base/ids.ts';
import { formatPart, readScope, ScopeParameter, scopeId, scopeOfPart } from './discovery-scope.ts';
import type { JobRequest, Parameter } from './job.ts';

/** `again`: the same addresses, since their worker was lost. `next`: the part that is this many further on, since the one before is done. */
export type Onward = 'again' | 'next';

/** Names of the parameters that jobs of a discovery have besides its scope. */
export const OnwardParameter = {
  /** Parts looked at side by side: who has done a part goes on with the one that is so many further on. */
  lanes: 'lanes',
  /** The job that this one goes on from. */
  after: 'after',
  /** How often these addresses were begun, this time included. */
  tries: 'tries',
} as const;

/** Addresses whose workers are lost are begun so often: it may be they that end them. */
export const TRIES_MAX = 4;

/** Parts looked at side by side. */
export const LANES_MAX = 64;

/** What a job of a discovery is known by. */
export type DiscoveryJob = Pick<JobRequest, 'jobId' | 'recordId' | 'parent' | 'parameters'>;

/** The job that goes on from this one; null: there is nothing more to look at, or it was begun often enough. Throws `bad-usage` for parameters that are none of a discovery. */
export function onwardJob(gatewayUid: string, job: DiscoveryJob, how: Onward): DiscoveryJob | null {
  const parameters = how === 'again' ? againParameters(job.parameters) : nextParameters(job.parameters);
  if (parameters === null) return null;
  return {
    jobId: onwardJobId(gatewayUid, job.jobId, how),
    recordId: scopeId(scopeOfPart(readScope(parameters))),
    parent: job.parent ?? job.jobId,
    parameters: [...parameters, { name: OnwardParameter.after, value: job.jobId }],
  };
}

/** Its id: the same whoever asks for it. */
export function onwardJobId(gatewayUid: string, jobId: string, how: Onward): string {
  return derivedId(`discovery|${gatewayUid}|${how}|${jobId}`);
}

/** From which job a job goes on; undefined: from none. */
export function afterOf(parameters: readonly Parameter[]): string | undefined {
  return parameterOf(parameters, OnwardParameter.after);
}

/** What the caller has asked for: all but which part it is, and from what it goes on. */
export function lastingParameters(parameters: readonly Parameter[]): readonly Parameter[] {
  const passing: readonly string[] = [ScopeParameter.part, OnwardParameter.after, OnwardParameter.tries];
  return parameters.filter(({ name }) => !passing.includes(name));
}

/** How many parts are looked at side by side; not a number where it does not say. */
export function lanesOf(parameters: readonly Parameter[]): number {
  const text = parameterOf(parameters, OnwardParameter.lanes) ?? '';
  const lanes = /^[1-9][0-9]?$/.test(text) ? Number(text) : Number.NaN;
  return lanes <= LANES_MAX ? lanes : Number.NaN;
}

/** How often these addresses were begun; not a number where it says something else. */
export function triesOf(parameters: readonly Parameter[]): number {
  const text = parameterOf(parameters, OnwardParameter.tries) ?? '1';
  return /^[1-9]$/.test(text) ? Number(text) : Number.NaN;
}

function againParameters(parameters: readonly Parameter[]): readonly Parameter[] | null {
  const tries = triesOf(parameters) + 1;
  if (!(tries <= TRIES_MAX)) return null;
  const kept = parameters.filter(({ name }) => name !== OnwardParameter.after && name !== OnwardParameter.tries);
  return [...kept, { name: OnwardParameter.tries, value: String(tries) }];
}

function nextParameters(parameters: readonly Parameter[]): readonly Parameter[] | null {
  const { part } = readScope(parameters);
  const lanes = lanesOf(parameters);
  if (part === null || !(part.index + lanes < part.of)) return null;
  const next = formatPart({ index: part.index + lanes, of: part.of });
  return [...lastingParameters(parameters), { name: ScopeParameter.part, value: next }];
}

function parameterOf(parameters: readonly Parameter[], wanted: string): string | undefined {
  return parameters.find(({ name }) => name === wanted)?.value;
}
