import { type LocalServer, startLocalServer } from '../local-socket/index.ts';
import { answerControl, type ControlSource } from './answer.ts';
import { parseControlRequest } from './control-request.ts';

/** The listening control socket of an instance. */
export type ControlService = LocalServer;

/** Listens on the control socket of the data directory. Throws `data-directory` when it cannot be made. */
export function startControl(source: ControlSource): Promise<ControlService> {
  return startLocalServer({
    directory: source.facts.dataDir,
    answer: (line, signal) => answerControl(parseControlRequest(line), source, signal),
    onBug: (error) => source.onBug(error),
  });
}
