/** Pure: what the labels of a record say about its connections. Labels are signed with the record, so only admins set them. */
import { GatewayError } from '../../base/errors.ts';
import { HOST_KEY_LABEL } from '../../wire/connection-message.ts';
import type { TargetRecord } from '../../wire/record.ts';

/** Options of a record's connections. */
export interface ConnectionOptions {
  /** `session.recording`: `required` (default), `optional` or `off`. */
  readonly recording: 'required' | 'optional' | 'off';
  /** `session.record-input`: `on` keeps what is typed, too; default `off`, since passwords are typed. */
  readonly recordsInput: boolean;
  /** `session.idle-limit`: a duration such as `15m`; default none. */
  readonly idleLimitMs: number | null;
  /** `session.total-limit`: a duration such as `8h`; default none. */
  readonly totalLimitMs: number | null;
  /** `session.reason`: `required` refuses a session without a reason; default `optional`. */
  readonly reasonRequired: boolean;
  /** `session.file-transfer`: `off` forbids SFTP, scp and rsync; default `on`. */
  readonly fileTransfer: boolean;
  /** `session.clipboard`: `off` keeps programs at the target from writing to the clipboard of the person's terminal; default `on`. */
  readonly clipboard: boolean;
  /** `session.port-forwarding`: `on` lets people's own `ssh` reach further from the target (`ssh -L`); default `off`. */
  readonly portForwarding: boolean;
  /** `ssh.host-key`: the pinned fingerprint, `SHA256:…`. */
  readonly hostKey: string | null;
  /** `ssh.via`: the record to jump through. */
  readonly via: string | null;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Longest time that a timer takes. */
const LIMIT_MS_MAX = 0x7fff_ffff;

/** The options of a record; throws `bad-config` that names the label, for guessing would weaken what an admin wanted. */
export function readOptions(record: Pick<TargetRecord, 'labels' | 'title'>): ConnectionOptions {
  const label = (key: string): string | null => record.labels.find((one) => one.key === key)?.value ?? null;
  const wrong = (key: string, expected: string): GatewayError =>
    new GatewayError(
      'bad-config',
      `label ${key} of record "${record.title}" is "${label(key)}"; expected ${expected}`,
      {
        remedy: 'An admin changes it with pam record edit.',
      },
    );
  const oneOf = <const W extends string>(key: string, words: readonly W[], otherwise: W): W => {
    const value = label(key);
    const found = value === null ? otherwise : words.find((word) => word === value);
    if (found === undefined) throw wrong(key, words.join(' or '));
    return found;
  };
  const duration = (key: string): number | null => {
    const value = label(key);
    if (value === null) return null;
    const [, count = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(value) ?? [];
    const ms = Number(count) * (UNIT_MS[unit] ?? Number.NaN);
    if (ms > 0 && ms <= LIMIT_MS_MAX) return ms;
    throw wrong(key, 'a duration such as 90s, 15m, 8h or 7d, at most 24d');
  };
  const hostKey = label(HOST_KEY_LABEL);
  if (hostKey !== null && !/^SHA256:[A-Za-z0-9+/]{43}$/.test(hostKey)) {
    throw wrong(HOST_KEY_LABEL, 'SHA256: and 43 characters, as ssh-keygen -l shows it');
  }
  return {
    recording: oneOf('session.recording', ['required', 'optional', 'off'], 'required'),
    recordsInput: oneOf('session.record-input', ['on', 'off'], 'off') === 'on',
    idleLimitMs: duration('session.idle-limit'),
    totalLimitMs: duration('session.total-limit'),
    reasonRequired: oneOf('session.reason', ['required', 'optional'], 'optional') === 'required',
    fileTransfer: oneOf('session.file-transfer', ['on', 'off'], 'on') === 'on',
    clipboard: oneOf('session.clipboard', ['on', 'off'], 'on') === 'on',
    portForwarding: oneOf('session.port-forwarding', ['on', 'off'], 'off') === 'on',
    hostKey,
    via: label('ssh.via'),
  };
}
