import { GatewayError } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';

/** Pure: the configuration of a Keeper Secrets Manager application, as its console and `ksm profile export` give it. */
export interface KeeperConfiguration {
  /** Its keys by name, for the SDK: it holds the application's key and the client's private key. */
  readonly entries: Secret<Readonly<Record<string, string>>>;
  /** Where the service is: a host name. */
  readonly hostname: string;
}

/** Where the text of the configuration comes from, for messages: "vault.configuration" or the name of a variable or file. */
export interface KeeperConfigurationText {
  readonly text: Secret<string>;
  readonly where: string;
}

const NEEDED = ['hostname', 'clientId', 'privateKey', 'appKey'] as const;
const OPTIONAL = ['serverPublicKeyId', 'serverPublicKey', 'appOwnerPublicKey'] as const;
const TEXT_BYTES_MAX = 64 * 1024;
const REMEDY = 'Take it from Keeper: Secrets Manager, the application, Devices, method "Configuration File".';

/** Reads base64 or JSON. Throws `bad-config` that names what is missing, never a value. */
export function parseKeeperConfiguration({ text, where }: KeeperConfigurationText): KeeperConfiguration {
  const given = readObject(text.reveal(), where);
  if (given['clientKey'] !== undefined) {
    throw mistake(
      where,
      'is a one-time token that has not been used yet',
      'Bind it once with "ksm profile init", and give what that wrote.',
    );
  }
  const missing = NEEDED.filter((name) => typeof given[name] !== 'string' || given[name] === '');
  if (missing.length > 0) throw mistake(where, `lacks ${missing.join(', ')}`, REMEDY);
  const known = [...NEEDED, ...OPTIONAL].flatMap((name) => {
    const value = given[name];
    return typeof value === 'string' && value !== '' ? [[name, value] as const] : [];
  });
  const hostname = String(given['hostname']);
  if (!/^[A-Za-z0-9.-]+(:\d{1,5})?$/.test(hostname)) throw mistake(where, 'has a hostname that is none', REMEDY);
  return { entries: new Secret(Object.fromEntries(known)), hostname };
}

function readObject(text: string, where: string): Readonly<Record<string, unknown>> {
  if (text.length > TEXT_BYTES_MAX) throw mistake(where, `has more than ${TEXT_BYTES_MAX} bytes`, REMEDY);
  const plain = text.trim().startsWith('{') ? text : Buffer.from(text.trim(), 'base64').toString('utf8');
  try {
    const value: unknown = JSON.parse(plain);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Its message would quote the secret.
  }
  throw mistake(where, 'is neither JSON nor base64 of JSON', REMEDY);
}

function mistake(where: string, problem: string, remedy: string): GatewayError {
  return new GatewayError('bad-config', `${where}: the Keeper configuration ${problem}`, { remedy });
}
