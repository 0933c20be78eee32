import { createEd25519Verify } from '../../base/ed25519.ts';
import { GatewayError } from '../../base/errors.ts';
import type { Recorder, Recording, RecordingStart } from '../../recording/index.ts';
import { grantSeal } from '../../wire/grant.ts';
import { open } from '../../wire/sealed.ts';
import type { Session } from '../workload.ts';
import type { ConnectionOptions } from './record-options.ts';
import type { SessionGuard } from './session-guard.ts';
import { reasonOf } from './session-terms.ts';

/** What is recorded of a session besides who, what and when. */
export interface RecordedScreen {
  readonly user: string;
  readonly columns: number;
  readonly rows: number;
  readonly terminal: string | null;
  readonly command: string | null;
}

/**
 * Begins the recording that the record asks for; where it asks for none, the session can still be listed and watched. Where it is required, its failure at any time ends the session. Throws
 * `recording-failed` where it is required and cannot begin.
 */
export async function startRecording(
  {
    session,
    recorder,
    guard,
  }: { readonly session: Session; readonly recorder: Recorder; readonly guard: SessionGuard },
  { recording: wanted }: ConnectionOptions,
  screen: RecordedScreen,
): Promise<Recording> {
  const start = describe(session, screen);
  if (wanted === 'off') return recorder.follow(start);
  try {
    const recording = await recorder.start(start);
    if (wanted === 'required') void recording.failed.then((why) => guard.end('recording-failed', why));
    return recording;
  } catch (error) {
    if (wanted === 'optional' && error instanceof GatewayError) return recorder.follow(start);
    throw error;
  }
}

function describe({ request, record }: Session, { user, ...screen }: RecordedScreen): RecordingStart {
  return {
    jobId: request.jobId,
    kind: request.kind,
    protocol: record.protocol,
    recordId: record.recordId,
    recordTitle: record.title,
    target: `${user}@${record.host}:${record.port}`,
    caller: request.caller,
    user: nameOfCaller(request.grant),
    reason: reasonOf(request),
    ...screen,
  };
}

/** As the admin calls the holder of the grant; the core has checked it. */
function nameOfCaller(grant: Uint8Array | null): string {
  return grant === null ? 'admin' : open(grantSeal, grant, createEd25519Verify()).value.name;
}
