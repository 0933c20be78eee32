/** Which ways of authentication a credential allows, in the order in which they are tried. */
import type { AnyAuthMethod } from 'ssh2';
import { GatewayError } from '../../../base/errors.ts';
import type { Credential, CredentialSet, CredentialVersion } from '../../../vault/index.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import type { KeyRing } from './key-ring.ts';

/** A login to try: who, and how. */
export interface Login {
  readonly user: string;
  readonly methods: readonly AnyAuthMethod[];
}

/** Versions tried: a conflict of two, and one that a rotation may have set. */
const VERSIONS_MAX = 3;

/**
 * The logins of a record, best first: while a rotation is under way nobody knows whether the target has the pending one already. Throws
 * `credential-missing`, `not-supported`.
 */
export function loginsOf({ versions }: CredentialSet, record: TargetRecord, keyRing: KeyRing): readonly Login[] {
  const usable = versions.filter(({ state }) => state !== 'previous').slice(0, VERSIONS_MAX);
  if (usable.length === 0) throw missing(record, 'has no credential');
  return usable.map((version) => loginOf(version, record, keyRing));
}

function loginOf({ versionId, credential }: CredentialVersion, record: TargetRecord, keyRing: KeyRing): Login {
  const user = credential.user ?? record.user;
  if (user === null) throw missing(record, 'has no login name');
  if (credential.certificate !== null) throw certificate(record);
  const { privateKey, passphrase } = credential;
  const key = privateKey === null ? null : keyRing.open({ versionId, privateKey, passphrase });
  if (key === undefined) {
    const fault = passphrase === null ? 'cannot be read' : 'its passphrase does not open';
    throw missing(record, `has a private key that ${fault}`);
  }
  const methods: AnyAuthMethod[] = key === null ? [] : [{ type: 'publickey', username: user, key }];
  methods.push(...passwordMethods(credential, user));
  if (methods.length === 0) throw missing(record, 'has neither a password nor a private key');
  return { user, methods };
}

function passwordMethods({ password }: Credential, username: string): AnyAuthMethod[] {
  if (password === null) return [];
  const answer = password.reveal();
  return [
    { type: 'password', username, password: answer },
    {
      type: 'keyboard-interactive',
      username,
      // A question that may be read while it is answered does not ask for the password.
      prompt: (_name, _instructions, _language, prompts, finish) =>
        finish(prompts.map(({ echo }) => (echo === true ? '' : answer))),
    },
  ];
}

function missing({ title }: TargetRecord, what: string): GatewayError {
  return new GatewayError('credential-missing', `record "${title}" ${what}`, {
    remedy: 'An admin stores one with pam record edit.',
  });
}

function certificate({ title }: TargetRecord): GatewayError {
  return new GatewayError(
    'not-supported',
    `record "${title}" has an OpenSSH certificate, which this version cannot log in with`,
    { remedy: 'Store a private key or a password without the certificate.' },
  );
}
