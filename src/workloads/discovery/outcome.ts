/** Pure: what a discovery has to show, with what has changed since the last one. */
import type { Scope } from '../../wire/discovery-scope.ts';
import type { TargetRecord } from '../../wire/record.ts';
import type { TaskOutcome } from '../task.ts';
import type { Inventory } from './accounts/index.ts';
import { compareRuns, type Known, knownsOf } from './delta.ts';
import type { Found, ScanResult } from './scan.ts';

/** An earlier discovery of the same range or record. */
export interface Earlier {
  readonly jobId: string;
  readonly found: readonly Known[];
}

/** How a scan ended. */
export function outcomeOf(run: {
  readonly whole: Scope;
  readonly result: ScanResult;
  readonly notes: readonly string[];
  readonly seconds: number;
  readonly before: Earlier | null;
}): TaskOutcome {
  const { whole, result, notes, seconds, before } = run;
  const delta = before === null ? { added: [], changed: [], gone: [] } : compareRuns(before.found, result.services);
  const { tried, hostsUp, services, isCut } = result;
  const message = `${services.length} services on ${hostsUp} hosts, ${tried} connects in ${seconds.toFixed(1)} s${isCut ? '; there were more' : ''}`;
  const output = {
    found: services.map(reported),
    delta,
    since: before?.jobId ?? null,
    hostsUp,
    tried,
    seconds,
    cut: isCut,
    record: null,
    parts: whole.part?.of ?? 1,
    notes,
  };
  return { state: 'succeeded', error: null, message, output };
}

/** How a look around one target ended. */
export function outcomeOfLook(run: {
  readonly record: TargetRecord;
  readonly inventory: Inventory;
  readonly seconds: number;
  readonly before: Earlier | null;
}): TaskOutcome {
  const { record, inventory, seconds, before } = run;
  const { version, system, accounts, databases, machines, notes } = inventory;
  const { host, port, protocol } = record;
  const place = { host, port, service: protocol, version, banner: '', system, certificate: null, hostKey: null };
  const found = [{ ...place, accounts, databases, machines }];
  const admins = accounts.filter(({ admin }) => admin).length;
  const others = [
    ...(databases.length > 0 ? [`${databases.length} databases`] : []),
    ...(machines.length > 0 ? [`${machines.length} machines`] : []),
  ];
  return {
    state: 'succeeded',
    error: null,
    message: [`${accounts.length} accounts, ${admins} of them admins`, ...others].join('; '),
    output: {
      found,
      delta: before === null ? { added: [], changed: [], gone: [] } : compareRuns(before.found, knownsOf(found)),
      since: before?.jobId ?? null,
      hostsUp: 1,
      tried: 1,
      seconds,
      cut: false,
      record: record.recordId,
      notes,
    },
  };
}

function reported(found: Found): object {
  return { ...found, accounts: [] };
}
