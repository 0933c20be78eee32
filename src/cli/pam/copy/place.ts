/** Pure: what `pam cp` is told to copy, and to where. */
import { GatewayError } from '../../../base/errors.ts';

/** A file or folder here, or on a record. */
export type Place =
  | { readonly side: 'here'; readonly path: string }
  | { readonly side: 'there'; readonly record: string; readonly path: string };

/** A copy in one direction. */
export interface CopyPlan {
  readonly record: string;
  readonly direction: 'up' | 'down';
  readonly sources: readonly string[];
  readonly target: string;
}

const EXAMPLE = 'Write for example: pam cp site.tar web-1:/srv/ or pam cp web-1:/var/log/syslog .';

/** A place as it is typed: `RECORD:PATH` is on a record, unless a slash comes before the colon. */
export function parsePlace(text: string, platform: NodeJS.Platform): Place {
  const isDrive = platform === 'win32' && /^[A-Za-z]:([\\/]|$)/.test(text);
  const [, record, path] = (isDrive ? null : /^([^/:]*):([\s\S]*)$/.exec(text)) ?? [];
  if (text === '' || record === '')
    throw new GatewayError('bad-usage', `"${text}" is no place to copy from or to`, { remedy: EXAMPLE });
  if (record === undefined) return { side: 'here', path: text };
  // As for scp: no path is the home of whom the gateway logs in as.
  return { side: 'there', record, path: path === undefined || path === '' ? '.' : path };
}

/** The copy that the arguments mean; throws `bad-usage` where it is none between here and one record. */
export function planCopy(texts: readonly string[], platform: NodeJS.Platform): CopyPlan {
  const places = texts.map((text) => parsePlace(text, platform));
  const target = places.at(-1);
  const sources = places.slice(0, -1);
  if (target === undefined || sources.length === 0)
    throw new GatewayError('bad-usage', 'what to copy, and where to?', { remedy: EXAMPLE });
  const [record, ...others] = new Set(places.flatMap((place) => (place.side === 'there' ? [place.record] : [])));
  if (record === undefined) throw new GatewayError('bad-usage', 'both sides are on this machine', { remedy: EXAMPLE });
  if (others.length > 0)
    throw new GatewayError('bad-usage', `the places are on ${record} and on ${others.join(', ')}`, {
      remedy: 'Copy from one record to here first, then from here to the other.',
    });
  const isUp = target.side === 'there';
  if (sources.some(({ side }) => side === target.side)) {
    const message = isUp ? `both sides are on ${record}` : 'one source is on this machine, and so is the target';
    const remedy = isUp ? `Copy it there: pam launch ${record} -- cp …` : EXAMPLE;
    throw new GatewayError('bad-usage', message, { remedy });
  }
  return { record, direction: isUp ? 'up' : 'down', sources: sources.map(({ path }) => path), target: target.path };
}
