/** What both ends of the NATS comparison have to agree on. */

/** Where requests go. */
export const SUBJECT = 'bench.jobs';
/** The group of workers, of which one gets each request. */
export const QUEUE = 'workers';
