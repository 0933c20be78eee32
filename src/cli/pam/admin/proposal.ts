import { readFileSync } from 'node:fs';
import { GatewayError } from '../../../base/errors.ts';
import { formatUnixMs } from '../../../base/stamp.ts';
import type { Signer } from '../../../config/index.ts';
import type { Grant } from '../../../wire/grant.ts';
import type { Limit } from '../../../wire/limit.ts';
import type { Policy } from '../../../wire/policy.ts';
import type { Seal } from '../../../wire/sealed.ts';
import { conditionTexts } from '../grant/grant-report.ts';
import { formatPermission } from '../grant/permissions.ts';

/** What several admins may sign, each on a machine of their own. */
export type Proposed =
  | { readonly kind: 'limit'; readonly content: Limit }
  | { readonly kind: 'policy'; readonly content: Policy }
  | { readonly kind: 'grant'; readonly content: Grant };

/** A proposal: the envelope goes round and gathers signatures. It holds no secret. */
export interface Proposal {
  readonly gateway: { readonly uid: string; readonly name: string };
  readonly proposed: Proposed;
  readonly sealed: Uint8Array;
  /** Whose signatures it has; each was checked. */
  readonly signers: readonly string[];
}

/** A file larger than this is something else. */
const FILE_BYTES_MAX = 256 * 1024;

/** Signs something for the first time. */
export async function makeProposal(
  gateway: Proposal['gateway'],
  proposed: Proposed,
  signers: readonly Signer[],
): Promise<Proposal> {
  const { sealWith } = await import('../../../config/index.ts');
  const { limit, policy, grant } = await seals();
  const sealed = await (proposed.kind === 'limit'
    ? sealWith(limit, proposed.content, signers)
    : proposed.kind === 'policy'
      ? sealWith(policy, proposed.content, signers)
      : sealWith(grant, proposed.content, signers));
  return { gateway, proposed, sealed, signers: signers.map(({ id }) => id) };
}

/** The proposal with further signatures. */
export async function signProposal(proposal: Proposal, signers: readonly Signer[]): Promise<Proposal> {
  const { addSignatures } = await import('../../../config/index.ts');
  const kind: Pick<Seal<unknown>, 'domain' | 'payloadBytesMax'> = (await seals())[proposal.proposed.kind];
  const sealed = await addSignatures(kind, proposal.sealed, signers);
  return { ...proposal, sealed, signers: [...new Set([...proposal.signers, ...signers.map(({ id }) => id)])] };
}

/** Writes a proposal. Throws `already-exists` unless told to replace. */
export async function saveProposal(
  path: string,
  proposal: Proposal,
  options: { readonly replace: boolean },
): Promise<void> {
  const { savePrivateFile } = await import('../../../config/index.ts');
  const { gateway, proposed, sealed } = proposal;
  const document = { version: 1, gateway, kind: proposed.kind, sealed: Buffer.from(sealed).toString('base64') };
  savePrivateFile(path, `${JSON.stringify(document, undefined, 2)}\n`, options);
}

/** Reads a proposal; every signature in it is checked. Throws `bad-config`. */
export async function loadProposal(path: string): Promise<Proposal> {
  const { gateway, kind, sealed } = parseDocument(path);
  const [{ open }, { createEd25519Verify }, kinds] = await Promise.all([
    import('../../../wire/sealed.ts'),
    import('../../../base/ed25519.ts'),
    seals(),
  ]);
  try {
    const verify = createEd25519Verify();
    if (kind === 'limit') return whole(gateway, sealed, { kind, ...openedOf(open(kinds.limit, sealed, verify)) });
    if (kind === 'policy') return whole(gateway, sealed, { kind, ...openedOf(open(kinds.policy, sealed, verify)) });
    return whole(gateway, sealed, { kind, ...openedOf(open(kinds.grant, sealed, verify)) });
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    throw wrong(path, cause.message);
  }
}

/** What is proposed, for the person who is to sign it: nothing but what the signature covers. */
export function describeProposal({ proposed, signers }: Proposal): readonly string[] {
  return [...describeContent(proposed), `signed by      ${signers.length === 0 ? 'nobody yet' : signers.join(', ')}`];
}

function describeContent(proposed: Proposed): readonly string[] {
  switch (proposed.kind) {
    case 'limit': {
      const { gatewayUid, version, maxInstances, issuedUnixMs } = proposed.content;
      return [`limit          ${maxInstances} instances (version ${version})`, ...common(gatewayUid, issuedUnixMs)];
    }
    case 'policy': {
      const { gatewayUid, version, issuedUnixMs, adminKeys, threshold, revocations, evictions } = proposed.content;
      return [
        `policy         version ${version}`,
        ...common(gatewayUid, issuedUnixMs),
        `admins         ${threshold} of ${adminKeys.length} sign`,
        ...adminKeys.map((key) => `  admin        ${key}`),
        ...revocations.map(
          ({ subject, revokedUnixMs }) => `  revoked      ${subject} (${formatUnixMs(revokedUnixMs)})`,
        ),
        ...evictions.map(
          ({ instanceId, evictedUnixMs }) => `  evicted      ${instanceId} (${formatUnixMs(evictedUnixMs)})`,
        ),
      ];
    }
    case 'grant': {
      const { gatewayUid, issuedUnixMs, name, userKey, allow, grantId, expiresUnixMs } = proposed.content;
      return [
        `grant          ${grantId}`,
        ...common(gatewayUid, issuedUnixMs),
        `for            ${name}, key ${userKey}`,
        `allowed        ${allow.map(formatPermission).join(', ')}`,
        ...conditionTexts(proposed.content).map((text) => `condition      ${text}`),
        `expires        ${expiresUnixMs === null ? 'never' : formatUnixMs(expiresUnixMs)}`,
      ];
    }
  }
}

function common(gatewayUid: string, issuedUnixMs: number): readonly string[] {
  return [`gateway        ${gatewayUid}`, `issued         ${formatUnixMs(issuedUnixMs)}`];
}

async function seals() {
  const [{ limitSeal }, { policySeal }, { grantSeal }] = await Promise.all([
    import('../../../wire/limit.ts'),
    import('../../../wire/policy.ts'),
    import('../../../wire/grant.ts'),
  ]);
  return { limit: limitSeal, policy: policySeal, grant: grantSeal } as const;
}

function openedOf<T>({ value, signers }: { readonly value: T; readonly signers: readonly string[] }) {
  return { content: value, signers };
}

function whole(
  gateway: Proposal['gateway'],
  sealed: Uint8Array,
  { signers, ...proposed }: Proposed & { readonly signers: readonly string[] },
): Proposal {
  return { gateway, sealed, signers, proposed };
}

function parseDocument(path: string): Pick<Proposal, 'gateway' | 'sealed'> & { readonly kind: Proposed['kind'] } {
  let raw: unknown;
  try {
    const text = readFileSync(path, 'utf8');
    raw = text.length > FILE_BYTES_MAX ? undefined : JSON.parse(text);
  } catch (cause) {
    throw wrong(path, cause instanceof SyntaxError ? 'it is not JSON' : 'it cannot be read');
  }
  if (typeof raw !== 'object' || raw === null) throw wrong(path, 'it holds no object');
  const { version, gateway, kind, sealed } = raw as Readonly<Record<string, unknown>>;
  const isKnown = kind === 'limit' || kind === 'policy' || kind === 'grant';
  if (version !== 1 || !isKnown || typeof sealed !== 'string' || !isGateway(gateway))
    throw wrong(path, 'its keys are not those of a proposal');
  return { gateway, kind, sealed: new Uint8Array(Buffer.from(sealed, 'base64')) };
}

function isGateway(raw: unknown): raw is Proposal['gateway'] {
  if (typeof raw !== 'object' || raw === null) return false;
  const { uid, name } = raw as Readonly<Record<string, unknown>>;
  return typeof uid === 'string' && typeof name === 'string';
}

function wrong(path: string, problem: string): GatewayError {
  return new GatewayError('bad-config', `${path} is no proposal: ${problem}`, {
    remedy: 'Name a file that "pam admin propose" wrote.',
  });
}
