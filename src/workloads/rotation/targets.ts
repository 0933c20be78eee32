import { GatewayError } from '../../base/errors.ts';
import type { Credential } from '../../vault/index.ts';
import type { TargetRecord } from '../../wire/record.ts';
import { RotationLabel } from '../../wire/rotation-profile.ts';
import { ldap } from './ldap/index.ts';
import { linuxKey } from './linux/key.ts';
import { linuxPassword } from './linux/password.ts';
import { mysql } from './mysql/index.ts';
import { postgres } from './postgres/index.ts';
import { createScriptTarget } from './script/index.ts';
import { labelOf, type RotationTarget } from './target.ts';

/** What a record's protocol means for rotation. Adding a target: its folder, and a line here. */
const BY_PROTOCOL: Readonly<Record<string, (credential: Credential) => RotationTarget>> = {
  ssh: (credential) => (credential.privateKey === null ? linuxPassword : linuxKey),
  postgres: () => postgres,
  mysql: () => mysql,
  mariadb: () => mysql,
  ldap: () => ldap,
};

/** The target of a record: its script if it names one, else what its protocol and its credential say. Throws `not-supported`. */
export function targetOf(record: TargetRecord, credential: Credential, scripts: string): RotationTarget {
  if (labelOf(record, RotationLabel.script) !== undefined) return createScriptTarget(scripts);
  const found = BY_PROTOCOL[record.protocol];
  if (found !== undefined) return found(credential);
  const known = Object.keys(BY_PROTOCOL).join(', ');
  throw new GatewayError(
    'not-supported',
    `records of protocol "${record.protocol}" cannot be rotated; ${known} can, and anything with the label ${RotationLabel.script}`,
  );
}
