/**
 * Every protocol id this program speaks, in one place. An id names one byte format for good: an incompatible change gets a new
 * number beside the old one, and both are served for at least one release.
 *
 * 2026-11  `/pam-mesh/1/link`        messages between two members, `mesh-message.ts`
 * 2026-11  `/pam-access/1/control`   requests of a client to any instance, `access-message.ts`
 * 2026-11  `/pam-access/1/session`   bytes of one session, `access-session.ts`
 * 2026-11  `/pam-access/1/open`      a job request and its session in one, `access-session.ts`
 */
export const Protocol = {
  /** Ordered messages between two members. */
  meshLink: '/pam-mesh/1/link',
  /** A client's requests and their answers: one stream for as long as the client is connected. */
  accessControl: '/pam-access/1/control',
  /** One session: a claim, an answer, then raw bytes both ways. */
  accessSession: '/pam-access/1/session',
  /** A job request, an answer, then, where the entry itself does the job, raw bytes both ways. */
  accessOpen: '/pam-access/1/open',
} as const;
