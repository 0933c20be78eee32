/**
 * Bounds of the wire formats, together, with their reasons. Sizes are bytes, lengths are UTF-16 characters. Raising one is safe for readers
 * of the new version only: raise it everywhere first, then use it.
 */

/** A direct message between members: holds a batch of member records for synchronising. */
export const DIRECT_BYTES_MAX = 1024 * 1024;
/** A gossiped message: flooded to everyone, so small. */
export const GOSSIP_BYTES_MAX = 64 * 1024;
/** A member record: addresses and labels dominate. */
export const MEMBER_RECORD_BYTES_MAX = 8 * 1024;
/** A signed limit, record or grant: "size before parse" (TUF 1.0.34). */
export const POLICY_BYTES_MAX = 16 * 1024;
/** A job request with its parameters and grant. */
export const JOB_REQUEST_BYTES_MAX = 32 * 1024;

/** Names and titles that people type. */
export const NAME_LENGTH_MAX = 128;
/** One address: a DNS name has 253 characters, a multiaddr adds a prefix, a port and an id. */
export const ADDRESS_LENGTH_MAX = 400;
/** Addresses one plane of an instance announces. */
export const ADDRESSES_MAX = 16;
/** Labels of one instance. */
export const LABELS_MAX = 32;
/** Kinds of job one instance offers. */
export const CAPABILITIES_MAX = 32;
/** Greatest limit an admin can sign; the protocol is simulated up to 3,000. */
export const MAX_INSTANCES_MAX = 10_000;
/** Members one instance knows, dead ones included; beyond it the longest dead are forgotten. */
export const MEMBERS_MAX = 12_000;
/** Member records in one synchronising message. */
export const SYNC_RECORDS_MAX = 256;
/** Text of an error that crosses the wire. */
export const ERROR_TEXT_MAX = 1000;
/** Parameters of one job. */
export const PARAMETERS_MAX = 64;
/** One parameter's text. */
export const PARAMETER_LENGTH_MAX = 4096;
/** Job notices in one gossiped batch. */
export const JOB_NOTICES_MAX = 100;
/** One line of what a job has done so far: gossiped with its notice. */
export const PROGRESS_TEXT_MAX = 200;
/** What an unattended job has to show in full, JSON in UTF-8: kept by its worker, told in pages. */
export const JOB_OUTPUT_BYTES_MAX = 4 * 1024 * 1024;
/** One page of it: control traffic waits behind it. */
export const OUTPUT_PAGE_BYTES_MAX = 48 * 1024;
/** Records (targets) a pool holds. */
export const RECORDS_MAX = 100_000;
/** Records in one synchronising message: each weighs up to POLICY_BYTES_MAX. */
export const RECORD_BATCH_MAX = 32;
/** A credential as it stands inside its box: a private key with its certificate dominates. */
export const CREDENTIAL_PLAIN_BYTES_MAX = 20 * 1024;
/** An edition of a record's credentials, all versions in it together; small enough for gossip. */
export const EDITION_BYTES_MAX = 56 * 1024;
/** Editions of one record that were written without knowing of each other; beyond it the oldest are forgotten. */
export const EDITIONS_MAX = 8;
/** Keys with their digests in one list of what a member holds. */
export const HOLDINGS_LISTED_MAX = 8_192;
/** Keys in one request for their content. */
export const HOLDINGS_WANTED_MAX = 256;
/** Whom a permission names: a label's key and value with their prefix dominate. */
export const PERMISSION_RECORD_LENGTH_MAX = 264;
/** Windows of the week in which a grant counts: two for each day, and those cut at the week's end. */
export const GRANT_WINDOWS_MAX = 32;
/** Changes of a time zone's offset that a grant carries: two a year for twenty years, with room. */
export const GRANT_OFFSETS_MAX = 64;
/** Ranges of addresses a grant is good from. */
export const GRANT_SOURCES_MAX = 32;
/** An address as text, a prefix length behind it. */
export const ADDRESS_RANGE_LENGTH_MAX = 64;
/** Instances that are asked before a due time is carried out: in larger pools the oldest ones, so that the cost of a due time does not grow with the pool. */
export const COUNCIL_MAX = 64;
/** Due times known to be begun, in one message of who leaves. */
export const DUES_TOLD_MAX = 256;
