import { runLease } from '../../tunnel/lease.ts';
import type { Outcome, Session } from '../../workload.ts';
import { outcomeOfError } from '../outcome.ts';
import { findLogins } from './credentials.ts';
import { readDatabaseOptions } from './options.ts';

/** The lease of a local port: refused at once where no session on it could ever log in, so that the person hears of it when the port is opened. */
export async function runDatabaseLease(session: Session): Promise<Outcome> {
  const { record, vault, cancelled } = session;
  try {
    readDatabaseOptions(record);
    await findLogins(vault, record, cancelled);
  } catch (error) {
    return outcomeOfError(error);
  }
  return runLease(session);
}
