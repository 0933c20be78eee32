/** Which ways of authentication a credential allows, in the order in which they are tried. */
import type { AnyAuthMethod, Client, ParsedKey } from 'ssh2';
import { GatewayError } from '../../../base/errors.ts';
import type { Credential, CredentialSet, CredentialVersion } from '../../../vault/index.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import { type Certificate, certificateProblem, describeCertificate, parseCertificate } from './certificate.ts';
import { CertificateAgent } from './certificate-agent.ts';
import type { KeyRing } from './key-ring.ts';

/** A login to try: who, and how. */
export interface Login {
  readonly user: string;
  /** For this client, which an agent may have to know. */
  methods(client: () => Client): readonly AnyAuthMethod[];
  /** What is worth knowing when it is refused; null: nothing. */
  readonly remark: string | null;
}

/** Versions tried: a conflict of two, and one that a rotation may have set. */
const VERSIONS_MAX = 3;

/**
 * The logins of a record, best first: while a rotation is under way nobody knows whether the target has the pending one already. Throws
 * `credential-missing`, or `credential-refused` for a certificate whose time is not now.
 */
export function loginsOf({ versions }: CredentialSet, record: TargetRecord, keyRing: KeyRing): readonly Login[] {
  const usable = versions.filter(({ state }) => state !== 'previous').slice(0, VERSIONS_MAX);
  if (usable.length === 0) throw missing(record, 'has no credential');
  const logins = usable.map((version) => tryLoginOf(version, record, keyRing));
  const ready = logins.filter((login): login is Login => !(login instanceof GatewayError));
  const [first] = logins;
  if (ready.length === 0 && first instanceof GatewayError) throw first;
  return ready;
}

/** A version that cannot be used, such as an expired certificate, stands in the way of no other one. */
function tryLoginOf(version: CredentialVersion, record: TargetRecord, keyRing: KeyRing): Login | GatewayError {
  try {
    return loginOf(version, record, keyRing);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
}

function loginOf({ versionId, credential }: CredentialVersion, record: TargetRecord, keyRing: KeyRing): Login {
  const user = credential.user ?? record.user;
  if (user === null) throw missing(record, 'has no login name');
  const { privateKey, passphrase } = credential;
  const key = privateKey === null ? null : keyRing.open({ versionId, privateKey, passphrase });
  if (key === undefined) {
    const fault = passphrase === null ? 'cannot be read' : 'its passphrase does not open';
    throw missing(record, `has a private key that ${fault}`);
  }
  const passwords = passwordMethods(credential, user);
  if (key === null && passwords.length === 0) throw missing(record, 'has neither a password nor a private key');
  if (key === null || credential.certificate === null) {
    const keys: AnyAuthMethod[] = key === null ? [] : [{ type: 'publickey', username: user, key }];
    return { user, methods: () => [...keys, ...passwords], remark: null };
  }
  const certificate = certificateOf(credential.certificate, key, record);
  return {
    user,
    methods: (client) => [
      { type: 'agent', username: user, agent: new CertificateAgent({ certificate, key }, client) },
      ...passwords,
    ],
    remark: describeCertificate(certificate),
  };
}

/** The certificate of a key. Throws `credential-missing` for one that is none or not the key's, `credential-refused` for one that no target would take now. */
function certificateOf(text: string, key: ParsedKey, record: TargetRecord): Certificate {
  const certificate = parseCertificate(text);
  if (certificate === undefined) throw missing(record, 'has a certificate that cannot be read');
  if (!certificate.publicKey.equals(key.getPublicSSH()))
    throw missing(record, `has a certificate "${certificate.keyId}" that is not its private key's`);
  const problem = certificateProblem(certificate, Date.now());
  if (problem === null) return certificate;
  throw new GatewayError('credential-refused', `record "${record.title}" ${problem}`, {
    remedy: 'An admin stores a new one with pam record edit --private-key-file F --certificate-file F.',
  });
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
