import { createHash, randomBytes } from 'node:crypto';
import { GatewayError } from '../../base/errors.ts';
import { formatRandomId, RANDOM_ID_BYTES } from '../../base/ids.ts';
import { Secret } from '../../base/secret.ts';
import type { Credential, CredentialState, CredentialVersion } from '../index.ts';

/** A field of a Keeper record, standard or custom. */
export interface KeeperField {
  readonly type: string;
  readonly label?: string;
  value: unknown[];
}

/** The decrypted content of a Keeper record, as far as it is used; everything else in it is kept. */
export interface KeeperData {
  readonly title?: string;
  readonly type?: string;
  fields: KeeperField[];
  custom?: KeeperField[];
}

/**
 * How versions stand in a Keeper record. The active credential is in the fields that Keeper itself shows and other programs read: `login`, `password`,
 * the private key in a `keyPair` or in the secret `privatePEMKey` that Keeper's PAM users have, `passphrase` and `certificate`. Pending and previous
 * versions are custom secret fields, labelled `pam-gateway/STATE/VERSIONID`; so are the facts of the active one, with a hash that tells whether
 * somebody has changed it in Keeper since. All of it is encrypted with the record.
 */
const PREFIX = 'pam-gateway/';
const LABELS = { privateKey: 'privatePEMKey', passphrase: 'passphrase', certificate: 'certificate' } as const;
/** Previous versions kept in a record. */
const PREVIOUS_KEPT_MAX = 3;

interface Facts {
  readonly changedUnixMs: number;
  readonly jobId: string | null;
}

/** A new version's id. */
export function newVersionId(): string {
  return formatRandomId(randomBytes(RANDOM_ID_BYTES));
}

/** All versions in a record: active first, newest first within a state. `revision` names the active one where nothing else does. */
export function readVersions(data: KeeperData, revision: number): readonly CredentialVersion[] {
  const credential = readActive(data);
  const staged = (data.custom ?? []).flatMap((field) => readStaged(field));
  if (isEmpty(credential)) return staged;
  const { versionId, facts } = activeFacts(data, credential) ?? {
    versionId: createHash('sha256').update(`active ${revision}`).digest('base64url').slice(0, 22),
    facts: { changedUnixMs: 0, jobId: null },
  };
  return [{ versionId, state: 'active', credential, ...facts }, ...staged];
}

/** Writes the versions into the record, of which the first active one becomes what Keeper shows. */
export function writeVersions(data: KeeperData, versions: readonly CredentialVersion[]): void {
  const custom: KeeperField[] = [];
  const active = versions.find(({ state }) => state === 'active');
  if (active !== undefined) {
    writeActive(data, active.credential);
    const { changedUnixMs, jobId } = active;
    custom.push(secretField('active', active, { changedUnixMs, jobId, hash: hashOf(active.credential) }));
  }
  const previous = versions.filter(({ state }) => state === 'previous').slice(0, PREVIOUS_KEPT_MAX);
  for (const version of [...versions.filter(({ state }) => state === 'pending'), ...previous])
    custom.push(secretField(version.state, version, plainOf(version)));
  data.custom = [...(data.custom ?? []).filter(({ label }) => label?.startsWith(PREFIX) !== true), ...custom];
}

function secretField(state: CredentialState, { versionId }: CredentialVersion, content: object): KeeperField {
  return { type: 'secret', label: `${PREFIX}${state}/${versionId}`, value: [JSON.stringify(content)] };
}

function readActive(data: KeeperData): Credential {
  const fields = [...data.fields, ...(data.custom ?? [])];
  const byLabel = (label: string): string | null =>
    textIn(fields.find((field) => field.label?.toLowerCase() === label.toLowerCase()));
  const pair = fields.find(({ type }) => type === 'keyPair')?.value[0];
  const privateKey = byLabel(LABELS.privateKey) ?? memberText(pair, 'privateKey');
  return {
    user: textIn(fields.find(({ type }) => type === 'login')),
    password: secretOf(textIn(fields.find(({ type }) => type === 'password'))),
    privateKey: secretOf(privateKey),
    passphrase: secretOf(byLabel(LABELS.passphrase)),
    certificate: byLabel(LABELS.certificate),
  };
}

function writeActive(data: KeeperData, credential: Credential): void {
  setField(data, { type: 'login' }, credential.user);
  setField(data, { type: 'password' }, credential.password?.reveal() ?? null);
  setField(data, { type: 'secret', label: LABELS.passphrase }, credential.passphrase?.reveal() ?? null);
  setField(data, { type: 'multiline', label: LABELS.certificate }, credential.certificate);
  const privateKey = credential.privateKey?.reveal() ?? null;
  const pair = data.fields.find(({ type }) => type === 'keyPair');
  if (pair !== undefined) pair.value = privateKey === null ? [] : [{ publicKey: '', privateKey }];
  else setField(data, { type: 'secret', label: LABELS.privateKey }, privateKey);
}

/** Changes the field where it stands; a missing one is made only to hold something. */
function setField(
  data: KeeperData,
  named: { readonly type: string; readonly label?: string },
  value: string | null,
): void {
  const { type, label } = named;
  const isIt = (field: KeeperField): boolean =>
    label === undefined ? field.type === type : field.label?.toLowerCase() === label.toLowerCase();
  const found = [...data.fields, ...(data.custom ?? [])].find(isIt);
  if (found !== undefined) found.value = value === null ? [] : [value];
  if (found !== undefined || value === null) return;
  if (label === undefined) data.fields.push({ type, value: [value] });
  else data.custom = [...(data.custom ?? []), { type, label, value: [value] }];
}

function activeFacts(
  data: KeeperData,
  credential: Credential,
): { readonly versionId: string; readonly facts: Facts } | undefined {
  const field = (data.custom ?? []).find(({ label }) => label?.startsWith(`${PREFIX}active/`));
  const content = parseContent(field);
  if (field?.label === undefined || content?.['hash'] !== hashOf(credential)) return undefined;
  return { versionId: field.label.slice(`${PREFIX}active/`.length), facts: factsIn(content) };
}

function readStaged(field: KeeperField): CredentialVersion[] {
  const [, state, versionId] = /^pam-gateway\/(pending|previous)\/(.+)$/.exec(field.label ?? '') ?? [];
  if (versionId === undefined || (state !== 'pending' && state !== 'previous')) return [];
  const content = parseContent(field);
  if (content === undefined)
    throw new GatewayError('vault-unavailable', `the ${state} version ${versionId} in the Keeper record is damaged`, {
      remedy: `Remove the field pam-gateway/${state}/${versionId} in Keeper, once you know that it is not needed.`,
    });
  const credential = {
    user: memberText(content, 'user'),
    password: secretOf(memberText(content, 'password')),
    privateKey: secretOf(memberText(content, 'privateKey')),
    passphrase: secretOf(memberText(content, 'passphrase')),
    certificate: memberText(content, 'certificate'),
  };
  return [{ versionId, state, credential, ...factsIn(content) }];
}

/** For a field that Keeper encrypts with its record: the one place where versions are written in plain text. */
function plainOf({ credential, changedUnixMs, jobId }: CredentialVersion): object {
  const { user, password, privateKey, passphrase, certificate } = credential;
  const revealed = {
    password: password?.reveal() ?? null,
    privateKey: privateKey?.reveal() ?? null,
    passphrase: passphrase?.reveal() ?? null,
  };
  return { user, ...revealed, certificate, changedUnixMs, jobId };
}

function hashOf({ user, password, privateKey, passphrase, certificate }: Credential): string {
  const parts = [user, password?.reveal(), privateKey?.reveal(), passphrase?.reveal(), certificate];
  return createHash('sha256')
    .update(JSON.stringify(parts.map((part) => part ?? null)))
    .digest('base64url');
}

function factsIn(content: Readonly<Record<string, unknown>>): Facts {
  const { changedUnixMs, jobId } = content;
  return {
    changedUnixMs: typeof changedUnixMs === 'number' && Number.isSafeInteger(changedUnixMs) ? changedUnixMs : 0,
    jobId: typeof jobId === 'string' ? jobId : null,
  };
}

function parseContent(field: KeeperField | undefined): Readonly<Record<string, unknown>> | undefined {
  try {
    const content: unknown = JSON.parse(textIn(field) ?? '');
    return typeof content === 'object' && content !== null ? { ...content } : undefined;
  } catch {
    return undefined;
  }
}

function textIn(field: KeeperField | undefined): string | null {
  const value = field?.value[0];
  return typeof value === 'string' && value !== '' ? value : null;
}

function memberText(value: unknown, name: string): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const found: unknown = Reflect.get(value, name);
  return typeof found === 'string' && found !== '' ? found : null;
}

function secretOf(text: string | null): Secret<string> | null {
  return text === null ? null : new Secret(text);
}

function isEmpty({ password, privateKey }: Credential): boolean {
  return password === null && privateKey === null;
}
