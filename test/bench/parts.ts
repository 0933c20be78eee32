/** The parts, in the order in which they run: a literal table. */

import type { Part } from './part.ts';
import { tunnel } from './tunnel/index.ts';

/** Every part of the benchmark. */
export const PARTS: readonly Part[] = [tunnel];
