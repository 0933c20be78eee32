/** All invariants of the pool, one checker each. */
import type { MakeChecker } from '../checker.ts';
import { agreementChecker } from './agreement.ts';
import { detectionChecker } from './detection.ts';
import { evictionChecker } from './eviction.ts';
import { handoverChecker } from './handover.ts';
import { jobsChecker } from './jobs.ts';
import { excessChecker, limitChecker } from './limit.ts';
import { limitHistoryChecker } from './limit-history.ts';
import { expiryChecker, orderChecker } from './order.ts';
import { placementChecker } from './placement.ts';
import { exitChecker, progressChecker } from './progress.ts';
import { queueChecker } from './queue.ts';
import { scheduleChecker } from './schedule.ts';

/** What is checked in every run. */
export const CHECKERS: readonly MakeChecker[] = [
  limitChecker,
  excessChecker,
  evictionChecker,
  exitChecker,
  limitHistoryChecker,
  orderChecker,
  expiryChecker,
  queueChecker,
  handoverChecker,
  jobsChecker,
  scheduleChecker,
  placementChecker,
  detectionChecker,
  agreementChecker,
  progressChecker,
];
