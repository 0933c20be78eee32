/** Pure: what holds for a session: the stricter of what its record says and what the caller's grant says. */
import { GatewayError } from '../../base/errors.ts';
import { REASON_PARAMETER } from '../../wire/access-job.ts';
import { type Grant, NO_CONDITIONS } from '../../wire/grant.ts';
import type { JobRequest } from '../../wire/job.ts';
import type { Session } from '../workload.ts';
import { type ConnectionOptions, readOptions } from './record-options.ts';

/** What holds for this session. Throws `bad-config` for a label that says nothing, `not-allowed` where a reason is asked for and none is given. */
export function termsOf({ record, grant, request }: Pick<Session, 'record' | 'grant' | 'request'>): ConnectionOptions {
  const terms = restrict(readOptions(record), grant);
  if (!terms.reasonRequired || reasonOf(request) !== null) return terms;
  const asking = grant?.conditions?.reasonRequired === true ? `the grant of ${grant.name}` : `record "${record.title}"`;
  throw new GatewayError('not-allowed', `${asking} asks for a reason`, {
    remedy: 'Give one, or a ticket number, with --reason TEXT.',
  });
}

/** The options of a record under a grant; null: an admin, for whom the record alone counts. */
export function restrict(options: ConnectionOptions, grant: Pick<Grant, 'conditions'> | null): ConnectionOptions {
  const { recordingRequired, sessionMsMax, clipboardForbidden, fileTransferForbidden, reasonRequired } =
    grant?.conditions ?? NO_CONDITIONS;
  return {
    ...options,
    recording: recordingRequired ? 'required' : options.recording,
    totalLimitMs: lower(options.totalLimitMs, sessionMsMax),
    clipboard: options.clipboard && !clipboardForbidden,
    fileTransfer: options.fileTransfer && !fileTransferForbidden,
    // What goes through a forwarded port is not recorded, and may be files.
    portForwarding: options.portForwarding && !recordingRequired && !fileTransferForbidden,
    reasonRequired: options.reasonRequired || reasonRequired,
  };
}

/** Throws `not-allowed` where files may not be carried. */
export function assertFileTransfer({ fileTransfer }: ConnectionOptions, { record, grant }: Session): void {
  if (fileTransfer) return;
  const whose = grant?.conditions?.fileTransferForbidden === true ? `the grant of ${grant.name}` : 'the record';
  throw new GatewayError('not-allowed', `file transfer is not allowed on "${record.title}": ${whose} forbids it`);
}

/** What the caller wrote for the reason. */
export function reasonOf({ parameters }: Pick<JobRequest, 'parameters'>): string | null {
  const text = parameters.find(({ name }) => name === REASON_PARAMETER)?.value.trim() ?? '';
  return text === '' ? null : text;
}

function lower(left: number | null, right: number | null): number | null {
  if (left === null || right === null) return left ?? right;
  return Math.min(left, right);
}
