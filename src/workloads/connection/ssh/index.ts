/**
 * SSH: the worker logs in at the target with the record's credential and passes on a shell, a command or files. The client speaks one of two protocols
 * with the worker, as the job's parameter `mode` says: `terminal` is ours (`wire/connection-message.ts`), and so is `files`, the same with SFTP in the place of a shell; `ssh` is SSH
 * itself, for people who keep their own tools.
 *
 * Invariants: the credential leaves this process only towards its target. Nothing is begun before the host key was judged. Where recording is required, what
 * the client gets has been handed to the recording before.
 */
import { GatewayError } from '../../../base/errors.ts';
import type { Outcome, Session } from '../../workload.ts';
import type { ConnectionProtocol, ProtocolComponents } from '../index.ts';
import { outcomeOf, outcomeOfError } from '../outcome.ts';
import type { ConnectionOptions } from '../record-options.ts';
import { SessionGuard } from '../session-guard.ts';
import { assertFileTransfer, termsOf } from '../session-terms.ts';
import { runProxy } from './proxy-session.ts';
import { openTarget, type SshTarget } from './target.ts';
import { runTerminal } from './terminal-session.ts';

/** The SSH protocol of connections. */
export const ssh: ConnectionProtocol = { run };

async function run(session: Session, components: ProtocolComponents): Promise<Outcome> {
  let mode: Mode;
  let options: ConnectionOptions;
  let target: SshTarget;
  try {
    mode = readMode(session);
    options = termsOf(session);
    if (mode === 'files') assertFileTransfer(options, session);
    target = await openTarget(session.record, {
      vault: session.vault,
      components,
      signal: session.cancelled,
    });
  } catch (error) {
    return outcomeOfError(error);
  }
  using guard = new SessionGuard(session, options);
  target.client.once('close', () => guard.end('target-lost', 'the target closed the connection'));
  try {
    const started = { session, components, options, target, guard };
    const { ending, bytes } = await (mode === 'ssh' ? runProxy(started) : runTerminal(started, mode));
    return outcomeOf(ending, bytes);
  } catch (error) {
    return outcomeOfError(error);
  } finally {
    target.close();
  }
}

type Mode = 'terminal' | 'files' | 'ssh';

function readMode({ request }: Session): Mode {
  const mode = request.parameters.find(({ name }) => name === 'mode')?.value ?? 'terminal';
  if (mode === 'terminal' || mode === 'files' || mode === 'ssh') return mode;
  throw new GatewayError('not-supported', `connections of mode ${mode} are not supported by this version`);
}
