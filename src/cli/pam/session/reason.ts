import { REASON_PARAMETER } from '../../../wire/access-job.ts';
import { PARAMETER_LENGTH_MAX } from '../../../wire/bounds.ts';
import type { Parameter } from '../../../wire/job.ts';
import { parseText } from '../../frame/flags.ts';

/** The parameter of a session for what `--reason` says; none without the flag. Throws `bad-usage`. */
export function reasonParameter(text: string | undefined): readonly Parameter[] {
  if (text === undefined) return [];
  return [{ name: REASON_PARAMETER, value: parseText(text, { flag: '--reason', max: PARAMETER_LENGTH_MAX }) }];
}
