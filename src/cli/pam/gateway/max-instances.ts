/** Pure: the value of `--max-instances`, with the reference's words for the commonest mistake. */
import { GatewayError } from '../../../base/errors.ts';
import { MAX_INSTANCES_MAX } from '../../../wire/bounds.ts';
import { parseNumber } from '../../frame/flags.ts';

/** A limit that an admin may sign. */
export function parseMaxInstances(text: string): number {
  if (/^[+-]?\d{1,15}$/.test(text) && Number(text) < 1) {
    throw new GatewayError('bad-usage', '--max-instances must be at least 1');
  }
  return parseNumber(text, { flag: '--max-instances', min: 1, max: MAX_INSTANCES_MAX });
}
