/** Pure: what a discovery found, as records that could be made of it. */
import { isIP } from 'node:net';
import { NAME_LENGTH_MAX } from '../../../../../wire/bounds.ts';
import type { StatementFacts } from '../../../../../wire/discovery-statement.ts';
import type { TARGET_TYPES } from '../../../../../wire/record.ts';
import type { Findings, FoundAccount, FoundService } from '../findings.ts';

/** A record that could be made. */
export interface Candidate {
  readonly type: (typeof TARGET_TYPES)[number];
  readonly title: string;
  readonly host: string;
  readonly port: number;
  readonly protocol: string;
  /** Login name, of an account. */
  readonly user: string | null;
  /** Nothing is known of what listens there, or nobody can log in: only a rule or a person adds it. */
  readonly isDoubtful: boolean;
  /** What rules look at. */
  readonly facts: StatementFacts;
}

type Kind = Pick<Candidate, 'type' | 'protocol'>;

/** What a service is, by its name; everything else is a machine that speaks what it is called. */
const KINDS: Readonly<Record<string, Kind>> = {
  postgres: { type: 'database', protocol: 'postgres' },
  mysql: { type: 'database', protocol: 'mysql' },
  redis: { type: 'database', protocol: 'redis' },
  rediss: { type: 'database', protocol: 'redis' },
  ldap: { type: 'directory', protocol: 'ldap' },
  ldaps: { type: 'directory', protocol: 'ldaps' },
  unknown: { type: 'machine', protocol: 'tcp' },
};
/** How machines of a directory are usually reached. */
const REACHED_BY = { windows: ['rdp', 3389], other: ['ssh', 22] } as const;
/** Characters of a title that a person can still read. */
const TITLE_MAX = 100;

/** All candidates: each service, then the accounts and machines seen on it. `titleAt`: of what is a record already. */
export function candidatesOf(
  { found }: Findings,
  titleAt: (place: Pick<Candidate, 'host' | 'port'>) => string | undefined,
): readonly Candidate[] {
  return found.flatMap((service) => {
    const own = ofService(service, titleAt(service));
    const accounts = service.accounts.filter(fits).map((account) => ofAccount(account, own));
    return [own, ...accounts, ...service.machines.map(ofMachine)];
  });
}

/** Accounts whose names are longer than a record's user may be. */
export function misfitsOf({ found }: Findings): readonly FoundAccount[] {
  return found.flatMap(({ accounts }) => accounts.filter((account) => !fits(account)));
}

function fits({ login, distinguishedName }: FoundAccount): boolean {
  return (distinguishedName ?? login).length <= NAME_LENGTH_MAX;
}

function ofService(service: FoundService, known: string | undefined): Candidate {
  const { host, port, certificate } = service;
  const kind = KINDS[service.service] ?? { type: 'machine', protocol: protocolOf(service.service) };
  const title = known ?? titleOf(`${host}-${service.service === 'unknown' ? 'tcp' : kind.protocol}-${port}`);
  return {
    ...kind,
    title,
    host,
    port,
    user: null,
    isDoubtful: service.service === 'unknown',
    facts: {
      ...placeFacts(host, port),
      recordType: kind.type,
      recordTitle: title,
      protocol: kind.protocol,
      service: service.service,
      version: service.version,
      banner: service.banner,
      operatingSystem: service.system,
      databaseType: kind.type === 'database' ? kind.protocol : null,
      directoryType: kind.type === 'directory' ? kind.protocol : null,
      useSSL: certificate !== null,
    },
  };
}

function ofAccount(account: FoundAccount, on: Candidate): Candidate {
  const { login, distinguishedName, admin, active } = account;
  const title = titleOf(`${on.title}-${login}`);
  return {
    type: 'user',
    title,
    host: on.host,
    port: on.port,
    protocol: on.protocol,
    user: distinguishedName ?? login,
    isDoubtful: !active,
    facts: {
      ...on.facts,
      recordType: 'user',
      recordTitle: title,
      login,
      distinguishedName,
      admin,
      active,
      parentRecordType: on.type,
      parentTitle: on.title,
    },
  };
}

function ofMachine({ host, system }: FoundService['machines'][number]): Candidate {
  const [protocol, port] = REACHED_BY[/windows/i.test(system ?? '') ? 'windows' : 'other'];
  const title = titleOf(`${host}-${protocol}-${port}`);
  const facts = {
    ...placeFacts(host, port),
    recordType: 'machine',
    recordTitle: title,
    protocol,
    operatingSystem: system,
  };
  return { type: 'machine', title, host, port, protocol, user: null, isDoubtful: false, facts };
}

function placeFacts(host: string, port: number): StatementFacts {
  return { hostName: host, ip: isIP(host) === 0 ? null : host, port };
}

/** Names come from a worker: only what a record may have goes through. */
function protocolOf(service: string): string {
  return /^[a-z][a-z0-9-]{0,31}$/.test(service) ? service : 'tcp';
}

function titleOf(text: string): string {
  return text.replace(/[^\x21-\x7e]+/g, '_').slice(0, TITLE_MAX);
}
