import type { AccessClient, DeskPlace } from '../../access/client/index.ts';
import { GatewayError } from '../../base/errors.ts';
import type { DeskAnswer, DeskRequest } from '../../wire/desk-message.ts';
import { liveMembers, readPool } from './pool-view.ts';

/** A part of an instance's answer. */
export type DeskPart = Exclude<DeskAnswer, { readonly kind: 'refused' | 'done' }>;

/** What all instances said, and which of them said nothing. */
export interface EveryAnswer {
  readonly parts: readonly { readonly instanceId: string; readonly part: DeskPart }[];
  readonly silent: readonly { readonly instanceId: string; readonly reason: string }[];
}

/** An instance that does not answer by then is left out, and named. */
const DESK_MS = 20_000;

/** Instances that may hold what is asked for. */
export async function desks(client: AccessClient, signal: AbortSignal): Promise<readonly DeskPlace[]> {
  const members = liveMembers(await readPool(client, signal));
  return members.map(({ instanceId, accessAddresses }) => ({ instanceId, addresses: accessAddresses }));
}

/** Asks every live instance at once. */
export async function askEveryDesk(
  client: AccessClient,
  request: DeskRequest,
  signal: AbortSignal,
): Promise<EveryAnswer> {
  const answers = await Promise.all(
    (await desks(client, signal)).map((place) => askOne(client, place, request, signal)),
  );
  return { parts: answers.flatMap(({ parts }) => parts), silent: answers.flatMap(({ silent }) => silent) };
}

/** The parts of the one instance that knows what is asked for; throws `not-found` where none does. */
export async function* askTheDeskThatKnows(
  client: AccessClient,
  request: DeskRequest,
  signal: AbortSignal,
): AsyncGenerator<Exclude<DeskAnswer, { readonly kind: 'refused' }>> {
  const { askDesk } = await import('../../access/client/index.ts');
  const reasons: string[] = [];
  for (const place of await desks(client, signal)) {
    try {
      yield* askDesk(client, place, request, signal);
      return;
    } catch (error) {
      if (signal.aborted || !(error instanceof GatewayError)) throw error;
      reasons.push(`${place.instanceId}: ${error.message}`);
    }
  }
  throw new GatewayError('not-found', `no instance has it (${reasons.join('; ')})`);
}

async function askOne(
  client: AccessClient,
  place: DeskPlace,
  request: DeskRequest,
  signal: AbortSignal,
): Promise<EveryAnswer> {
  const { askDesk } = await import('../../access/client/index.ts');
  const { instanceId } = place;
  const parts: { instanceId: string; part: DeskPart }[] = [];
  try {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(DESK_MS)]);
    for await (const part of askDesk(client, place, request, bounded)) {
      if (part.kind !== 'done') parts.push({ instanceId, part });
    }
    return { parts, silent: [] };
  } catch (error) {
    if (signal.aborted) throw error;
    return { parts, silent: [{ instanceId, reason: error instanceof Error ? error.message : String(error) }] };
  }
}
