/** Arbitrary messages of the desk, kind by kind. */
import fc from 'fast-check';
import { CLOSE_REASONS } from '../../src/wire/connection-message.ts';
import {
  DESK_FRAME_BYTES_MAX,
  type DeskAnswer,
  type DeskRequest,
  deskAnswerCodec,
  deskRequestCodec,
} from '../../src/wire/desk-message.ts';
import { bytes, count, failure, jobId, name, orNull, printable, unixMs } from './field-samples.ts';

const session = fc.record({
  jobId,
  kind: name,
  protocol: name,
  recordId: name,
  recordTitle: name,
  target: name,
  user: name,
  startedUnixMs: unixMs,
  command: orNull(printable(200)),
  recordingId: orNull(name),
});
const recording = fc.record({
  session,
  bytes: count,
  ending: orNull(
    fc.record({
      durationMs: count,
      reason: fc.constantFrom(...CLOSE_REASONS),
      exitCode: orNull(fc.nat()),
      bytesIn: count,
      bytesOut: count,
    }),
  ),
});

type Fields<M extends { readonly kind: string }> = {
  readonly [K in M['kind']]: fc.Arbitrary<Omit<Extract<M, { readonly kind: K }>, 'kind'>>;
};

/** A new kind of message without samples here does not compile. */
const requests: Fields<DeskRequest> = {
  'list-recordings': fc.constant({}),
  'read-recording': fc.record({ id: name }),
  'search-recordings': fc.record({ text: printable(256) }),
  'list-sessions': fc.constant({}),
  'watch-session': fc.record({ jobId }),
};
const answers: Fields<DeskAnswer> = {
  refused: fc.record({ failure }),
  done: fc.record({ end: fc.constantFrom('complete', 'cut-off', 'damaged') }),
  recording: fc.record({ entry: recording }),
  session: fc.record({ entry: session }),
  text: fc.record({ data: bytes }),
  found: fc.record({
    entry: recording,
    hits: fc.array(fc.record({ atMs: count, text: printable(300) }), { maxLength: 4 }),
  }),
};

/** A family for each kind, so that each has golden vectors of its own. */
export const DESK_FAMILIES = [
  ...Object.entries(requests).map(([kind, fields]) => ({
    name: `desk-request-${kind}`,
    codec: deskRequestCodec,
    bytesMax: DESK_FRAME_BYTES_MAX,
    any: (fields as fc.Arbitrary<object>).map((value) => ({ kind, ...value }) as DeskRequest),
  })),
  ...Object.entries(answers).map(([kind, fields]) => ({
    name: `desk-answer-${kind}`,
    codec: deskAnswerCodec,
    bytesMax: DESK_FRAME_BYTES_MAX,
    any: (fields as fc.Arbitrary<object>).map((value) => ({ kind, ...value }) as DeskAnswer),
  })),
];
