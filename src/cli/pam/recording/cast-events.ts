import type { Writable } from 'node:stream';
import { type CastEvent, parseEvent } from '../../../recording/index.ts';
import type { DeskAnswer } from '../../../wire/desk-message.ts';

/** The events in an answer's text, whole lines at a time. `onEnd` is told where the text was not complete. */
export async function* castEvents(
  parts: AsyncIterable<Exclude<DeskAnswer, { readonly kind: 'refused' }>>,
  onEnd: (end: 'cut-off' | 'damaged') => void,
): AsyncGenerator<CastEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const part of parts) {
    if (part.kind === 'done' && part.end !== 'complete') onEnd(part.end);
    if (part.kind !== 'text') continue;
    const lines = (rest + decoder.decode(part.data, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = parseEvent(line);
      if (event !== undefined) yield event;
    }
  }
}

/** Shows what a person saw; statements of a database as lines. */
export function showEvent({ code, data }: CastEvent, output: Writable): void {
  if (code === 'o') output.write(data);
  if (code === 'q') output.write(`${data}\n`);
}
