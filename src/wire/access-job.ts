/** What clients and workers agree on about the parameters of jobs. */
import type { JobRequest } from './job.ts';

/** Name of the parameter that tells a tunnel's lease from its connections. */
export const ROLE_PARAMETER = 'role';
/** Value of the role parameter of a lease: it dials nothing and runs until its stream closes. */
export const ROLE_CONTROL = 'control';

/** Name of the parameter that says why the job is wanted. */
export const REASON_PARAMETER = 'reason';

/** True for the job that stands for a whole tunnel. */
export function isLease({ parameters }: Pick<JobRequest, 'parameters'>): boolean {
  return parameters.some(({ name, value }) => name === ROLE_PARAMETER && value === ROLE_CONTROL);
}

/** Name of the parameter of a connection that repeats the record's protocol, by which its cost is known before the record is looked at. */
export const PROTOCOL_PARAMETER = 'protocol';

/** The protocol that a connection names; undefined if it names none. The worker refuses one that is not the record's. */
export function namedProtocol({ parameters }: Pick<JobRequest, 'parameters'>): string | undefined {
  return parameters.find(({ name }) => name === PROTOCOL_PARAMETER)?.value;
}
