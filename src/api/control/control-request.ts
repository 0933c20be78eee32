import { z } from 'zod';
import { GatewayError } from '../../base/errors.ts';
import { JOB_ID_LENGTH } from '../../wire/job.ts';
import { EVENTS_MAX, JOBS_DEFAULT, JOBS_MAX } from '../bounds.ts';

/** Requests that carry nothing but their name. */
const BARE_KINDS = [
  'pool',
  'status',
  'members',
  'admission',
  'load',
  'topic',
  'policy',
  'health',
  'drain',
  'stop',
  'bundle',
] as const;

const most = (max: number, usual: number) => z.int().min(1).max(max).default(usual);

const controlRequest = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(BARE_KINDS) }),
  z.strictObject({ kind: z.literal('jobs'), most: most(JOBS_MAX, JOBS_DEFAULT) }),
  z.strictObject({ kind: z.literal('trace'), jobId: z.string().min(1).max(JOB_ID_LENGTH) }),
  z.strictObject({ kind: z.literal('events'), most: most(EVENTS_MAX, EVENTS_MAX) }),
]);
/** A checked request, as the instance answers it. */
export type ControlRequest = z.output<typeof controlRequest>;

/** The request on one line; throws `bad-message`. */
export function parseControlRequest(line: string): ControlRequest {
  const parsed = controlRequest.safeParse(parseJson(line));
  if (parsed.success) return parsed.data;
  throw new GatewayError('bad-message', 'the running instance does not know this request', {
    remedy: 'Use the command of the version that is running: gateway debug status tells which one that is.',
  });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
