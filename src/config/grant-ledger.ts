import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createEd25519Verify } from '../base/ed25519.ts';
import { GatewayError } from '../base/errors.ts';
import { type Grant, grantSeal } from '../wire/grant.ts';
import { open } from '../wire/sealed.ts';
import { formatBase64, parseBase64 } from './document.ts';
import { readConfigFile, savePrivateFile, systemCode } from './secret-file.ts';

/**
 * The grants an admin has issued on this machine: one file each, in `grants/UID` beside the profile. No instance keeps them, so this is the only list
 * there is. A grant without its user's key is worth nothing, so the files hold no secret.
 */
export interface Issued {
  readonly grant: Grant;
  /** Keys that signed it. */
  readonly signers: readonly string[];
}

/** Grants listed; files beyond are left out. */
const LISTED_MAX = 10_000;
const SUFFIX = '.grant';

/** Writes a grant down. Throws `storage-failed`. */
export function rememberGrant(profilePath: string, grant: Grant, sealed: Uint8Array): void {
  const path = join(folderOf(profilePath, grant.gatewayUid), `${grant.grantId}${SUFFIX}`);
  savePrivateFile(path, `${formatBase64(sealed)}\n`, { replace: true });
}

/** The grants issued for a gateway, oldest first, and the files that are none. */
export function issuedGrants(
  profilePath: string,
  gatewayUid: string,
): { readonly issued: readonly Issued[]; readonly unreadable: readonly string[] } {
  const folder = folderOf(profilePath, gatewayUid);
  const unreadable: string[] = [];
  const issued = namesIn(folder).flatMap((name) => {
    const path = join(folder, name);
    const found = readIssued(path, gatewayUid);
    if (found === undefined) unreadable.push(path);
    return found ?? [];
  });
  return { issued: issued.sort((a, b) => a.grant.issuedUnixMs - b.grant.issuedUnixMs), unreadable };
}

function readIssued(path: string, gatewayUid: string): Issued | undefined {
  try {
    const text = readConfigFile({ path, what: 'grant', missing: 'It was removed meanwhile.', secret: false });
    const { value, signers } = open(grantSeal, parseBase64(text) ?? new Uint8Array(), createEd25519Verify());
    return value.gatewayUid === gatewayUid ? { grant: value, signers } : undefined;
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(SUFFIX))
      .sort()
      .slice(0, LISTED_MAX);
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return [];
    throw new GatewayError('storage-failed', `${folder} cannot be read (${systemCode(cause)})`, { cause });
  }
}

function folderOf(profilePath: string, gatewayUid: string): string {
  return join(dirname(profilePath), 'grants', gatewayUid);
}
