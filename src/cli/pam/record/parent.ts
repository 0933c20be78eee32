import type { AccessClient } from '../../../access/client/index.ts';
import { GatewayError } from '../../../base/errors.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import { findRecord } from '../find-record.ts';

/** The machine, database or directory named by `--on`. Throws `not-found`, or `bad-usage` for an account, which holds no others. */
export async function findParent(client: AccessClient, named: string, signal: AbortSignal): Promise<TargetRecord> {
  const parent = await findRecord(client, named, signal);
  if (parent.type !== 'user') return parent;
  throw new GatewayError('bad-usage', `--on: "${parent.title}" is itself an account (type user)`, {
    remedy: 'Name the machine, database or directory that the account is on.',
  });
}
