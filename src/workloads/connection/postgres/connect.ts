import { dialTarget } from '../../tunnel/dial.ts';
import type { Login } from '../database/credentials.ts';
import type { DatabaseOptions } from '../database/options.ts';
import { type LoggedIn, LoginRefused, logIn, secure } from './login.ts';
import type { StartupMessage } from './messages.ts';

/** What to connect to, and what the client wants there. */
export interface ConnectInit {
  readonly target: { readonly host: string; readonly port: number };
  readonly options: DatabaseOptions;
  readonly startup: StartupMessage;
  readonly signal: AbortSignal;
}

/** SQLSTATE `invalid_catalog_name`. */
const UNKNOWN_DATABASE = '3D000';

/** Connects and logs in; tries the databases that may be meant until one exists. */
export async function connectAs(login: Login, init: ConnectInit): Promise<LoggedIn> {
  const databases = databasesMeant(init);
  for (let place = 0; ; place++) {
    try {
      return await connectTo(databases[place], login, init);
    } catch (error) {
      const isUnknown = error instanceof LoginRefused && error.sqlState === UNKNOWN_DATABASE;
      if (!isUnknown || place + 1 >= databases.length) throw error;
    }
  }
}

/**
 * A database named like the client's own user was most likely not chosen but is the default of the client's program, which does not know the user of the
 * credential. Then the record's is meant; without one the default of that user (undefined), and the one that every server has.
 */
function databasesMeant({ startup, options }: ConnectInit): readonly (string | undefined)[] {
  const named = startup.parameters.get('database');
  if (named !== undefined && named !== startup.parameters.get('user')) return [named];
  return options.database === undefined ? [undefined, 'postgres'] : [options.database];
}

async function connectTo(
  database: string | undefined,
  { user, credential }: Login,
  { target, options, startup, signal }: ConnectInit,
): Promise<LoggedIn> {
  const { host } = target;
  const tcp = await dialTarget(target, signal);
  try {
    const socket = await secure({ socket: tcp, host, options, signal });
    const parameters = new Map(startup.parameters).set('user', user);
    parameters.delete('database');
    if (database !== undefined) parameters.set('database', database);
    if (options.readOnly) parameters.set('options', readOnly(parameters.get('options') ?? ''));
    const { version } = startup;
    return await logIn({ socket, host, user, credential, options, signal }, { version, parameters });
  } catch (error) {
    tcp.destroy();
    throw error;
  }
}

/** Of several settings of one name the last one counts. */
function readOnly(given: string): string {
  return `${given} -c default_transaction_read_only=on`.trim();
}
