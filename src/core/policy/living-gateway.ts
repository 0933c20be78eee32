import type { GatewayFacts } from '../index.ts';
import type { PolicyBook } from './policy-book.ts';

/** The configuration's facts with the admins who count now: whoever asks for them gets the present ones. */
export function livingGateway(configured: GatewayFacts, policies: PolicyBook): GatewayFacts {
  const { uid, name, firstLimit, poolKeys } = configured;
  return {
    poolKeys,
    uid,
    name,
    firstLimit,
    get adminKeys() {
      return policies.authority.adminKeys;
    },
    get threshold() {
      return policies.authority.threshold;
    },
  };
}
