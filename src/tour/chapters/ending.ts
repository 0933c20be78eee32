/** What to type next. */
import { once } from 'node:events';
import { relative } from 'node:path';
import { type ProgramName, programPath } from '../programs.ts';
import { GATEWAY_NAME, type World } from '../world.ts';

/** Ends the tour, or leaves the pool running until Ctrl-C. */
export async function showEnding(world: World, { once: ends }: { readonly once: boolean }): Promise<void> {
  const { narrator } = world;
  narrator.chapter('What the tour did not show');
  narrator.say(
    'Credentials are rotated, too: pam action rotate. That wants an account of a real machine, database or directory;',
    'the README shows it, and databases, users with grants, several admins, and the audit.',
  );
  if (ends) {
    narrator.note('');
    narrator.say('npm start without --once leaves the pool running and says what to type.');
    return;
  }
  narrator.chapter('The pool is yours until Ctrl-C; in another terminal, type');
  for (const line of nextCommands(world)) narrator.note(`  ${line}`);
  narrator.note('');
  await untilInterrupted(world.signal);
  narrator.say('stopping …');
}

/** Whole command lines, to be copied. */
function nextCommands({ profileFile, configFile, tunnels, instances }: World): readonly string[] {
  const profile = `--profile ${profileFile}`;
  const [first] = instances.values();
  const dataDir = `--data-dir ${first?.dataDir ?? ''}`;
  const [gateway, pam] = [commandLine('gateway'), commandLine('pam')];
  return [
    `${gateway} debug watch ${dataDir}`,
    `${gateway} debug jobs ${dataDir}`,
    `${pam} gateway list -v ${profile}`,
    `${pam} gateway set-max-instances -g ${GATEWAY_NAME} -m 5 ${profile}`,
    `${gateway} start --config-file ${configFile} --data-dir ${first?.dataDir ?? ''}-new --name gateway-6 --listen-mesh 127.0.0.1:0 --listen-access 127.0.0.1:0 --http off --no-mdns`,
    `${pam} gateway drain -g ${GATEWAY_NAME} -i gateway-4 ${profile}`,
    `${pam} tunnel diagnose echo ${profile}`,
    `${pam} launch shell ${profile} -- uptime`,
    `${pam} audit tail ${profile}`,
    `curl http://${tunnels?.web ?? ''}/`,
  ];
}

/** How the command is typed where `npm start` was typed. */
function commandLine(program: ProgramName): string {
  const path = programPath(program);
  const near = relative(process.env['INIT_CWD'] ?? process.cwd(), path);
  return `node ${near.length < path.length ? near : path}`;
}

async function untilInterrupted(signal: AbortSignal): Promise<void> {
  // A signal that is waited for keeps no process alive; children with their pipes do, and this does where there are none.
  const awake = setInterval(() => undefined, 60_000);
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(awake);
}
