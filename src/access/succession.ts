import { GatewayError } from '../base/errors.ts';
import type { Verify } from '../base/signing.ts';
import type { Welcome } from '../wire/access-message.ts';
import { open } from '../wire/sealed.ts';
import { type Succession, successionSeal } from '../wire/succession.ts';

/** Whose word it is that the pool's key was replaced. */
export interface SuccessionAuthority {
  readonly adminKeys: readonly string[];
  /** How many of them have to sign. */
  readonly threshold: number;
}

/** What following needs. */
export interface Following {
  /** The key that is trusted now. */
  readonly poolKey: string;
  readonly admins: SuccessionAuthority;
  readonly verify: Verify;
}

/** The statement in a welcome, if the admins have signed it, for this gateway, and it replaces the trusted key; undefined otherwise. */
export function followSuccession(
  { succession, gatewayUid }: Pick<Welcome, 'succession' | 'gatewayUid'>,
  { poolKey, admins, verify }: Following,
): Succession | undefined {
  try {
    const { value, signers } = open(successionSeal, Buffer.from(succession, 'base64url'), verify);
    const signed = signers.filter((signer) => admins.adminKeys.includes(signer)).length;
    const isOurs = value.gatewayUid === gatewayUid && value.replaced.some((key) => key === poolKey);
    return isOurs && signed >= admins.threshold ? value : undefined;
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}
