/** Durations and numbers of the driver, in milliseconds. They pace I/O; the protocol's own are in `core/timing.ts`. */

/** Between two looks at whom to dial. */
export const CONTACT_ROUND_MS = 250;
/** First wait after a failed dial; doubled each time. */
export const REDIAL_FIRST_MS = 250;
/** Longest wait between dials of a member or of any address while alone. */
export const REDIAL_MAX_MS = 1000;
/** Longest wait between dials of configured addresses once somebody is linked. */
export const REDIAL_LINKED_MAX_MS = 10_000;
/** Dials under way at once. */
export const DIALS_MAX = 16;
/** Links held to members. A seat is claimed from everybody, so in larger pools each claim waits for those who cannot be asked. */
export const LINKS_WANTED_MAX = 1024;
/** Addresses remembered from local discovery. */
export const FOUND_MAX = 256;
/** Between two writes of the remembered addresses. */
export const REMEMBER_MS = 10_000;
/** Between two measurements of how busy the process is. */
export const BUSY_SAMPLE_MS = 500;
/** Between two looks at the lag of the event loop: each wakes the process, idle or not. */
export const LAG_SAMPLE_MS = 100;
/** Time constant of the smoothed busyness. */
export const BUSY_SMOOTHING_MS = 2000;
/** Mean event-loop lag that counts as fully busy. */
export const LAG_FULL_MS = 200;
/** Requests of the access plane and the control socket open at once. */
export const TICKETS_MAX = 100_000;
