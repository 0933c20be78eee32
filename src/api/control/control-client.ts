import { askLocal } from '../local-socket/index.ts';
import type { AskOf, ControlAnswers, ControlAsk } from './control-message.ts';

/**
 * Asks the instance that runs on a data directory. Throws `unreachable` when none runs there, `not-allowed` when it is another
 * user's, `timeout` when it does not answer, and whatever failure the instance answers with.
 */
export async function askControl<K extends ControlAsk['kind']>(
  dataDir: string,
  request: AskOf<K>,
  signal: AbortSignal,
): Promise<ControlAnswers[K]> {
  const nobody = {
    message: `no instance runs on the data directory ${dataDir}`,
    remedy: `Start one: gateway start --config-file gateway-config.json --data-dir ${dataDir}. Or name another one with --data-dir.`,
  };
  const answer = await askLocal(
    { directory: dataDir, request, who: `the instance on the data directory ${dataDir}`, nobody },
    signal,
  );
  return answer as ControlAnswers[K];
}
