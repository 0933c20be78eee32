/** The parts, in the order in which they run: a literal table. */

import { balance } from './balance/index.ts';
import { dispatch } from './dispatch/index.ts';
import { growth } from './growth/index.ts';
import { membership } from './membership/index.ts';
import type { Part } from './part.ts';
import { startUp } from './start-up/index.ts';
import { tunnel } from './tunnel/index.ts';

/** Every part of the benchmark. */
export const PARTS: readonly Part[] = [tunnel, dispatch, balance, membership, startUp, growth];
