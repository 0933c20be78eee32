/** The least shapes that scripts rely on, written down once more from the contract of the commands: more keys are welcome, these stay. */

import { z } from 'zod';

const at = z.iso.datetime();
const optionalAt = at.nullable();
const id = z.string().min(1);
const count = z.int().min(0);
const state = z.enum(['candidate', 'standby', 'admitted', 'draining', 'left', 'suspect', 'dead']);
const limit = z.object({ maxInstances: count, version: count });

/** One job, from `gateway debug jobs` and `pam action job-info`. */
export const job = z.object({
  jobId: id,
  kind: id,
  record: id,
  state: z.enum(['submitted', 'accepted', 'running', 'succeeded', 'failed', 'cancelled', 'lost']),
  entry: id,
  worker: id.nullable(),
  submittedAt: at,
  startedAt: optionalAt,
  endedAt: optionalAt,
  error: z.object({ code: id, message: z.string() }).nullable(),
  bytesIn: count,
  bytesOut: count,
});

/** Documents of `gateway debug … --json`. */
export const debugDocuments = {
  status: z.object({
    instanceId: id,
    name: id,
    state,
    gateway: z.object({ uid: id, name: id }),
    version: id,
    startedAt: at,
    listen: z.object({ mesh: z.array(id), access: z.array(id), http: id.nullable() }),
    uptimeMs: count,
  }),
  members: z.object({
    self: id,
    members: z.array(
      z.object({
        instanceId: id,
        name: id,
        state,
        rank: count.nullable(),
        joinedAt: at,
        version: id,
        platform: id,
        addresses: z.array(id),
        seat: z.object({ limitVersion: count }).nullable(),
        load: z.object({ perMille: count.nullable(), sessions: count.nullable() }),
        lastHeardMs: count,
      }),
    ),
  }),
  admission: z.object({
    limit,
    seatsHeld: count,
    order: z.array(z.object({ instanceId: id, name: id, rank: count, state, joinedAt: at, reason: z.string() })),
    agreement: z.object({ agree: count, of: count, differ: z.array(z.object({ instanceId: id, what: z.string() })) }),
  }),
  load: z.object({
    self: id,
    instances: z.array(
      z.object({
        instanceId: id,
        perMille: count,
        sessions: z.record(z.string(), count),
        reservedBytes: count,
        budgetBytes: count,
        ageMs: count,
      }),
    ),
  }),
  topic: z.object({
    topic: z.string().regex(/^\/pam-mesh\/1\/pool\/[a-z2-7]{26}$/),
    poolId: id,
    meshPeers: z.array(id),
  }),
  policy: z.object({
    maxInstances: count,
    version: count,
    issuedAt: at,
    signedBy: z.array(id).min(1),
    history: z.array(z.object({ maxInstances: count, version: count, issuedAt: at })),
  }),
  jobs: z.object({ jobs: z.array(job) }),
  trace: z.object({
    jobId: id,
    steps: z.array(z.object({ at, instanceId: id, what: id, detail: z.string() })).min(1),
  }),
} as const;

/** `pam gateway list --format json`. */
export const gatewayList = z.object({
  gateways: z.array(
    z.object({
      gateway_name: id,
      gateway_uid: id,
      status: z.string().regex(/^(ONLINE( \(\d+ instances\))?|OFFLINE|UNKNOWN)$/),
      max_instances: count,
      limit_version: count,
      instances: z.array(
        z.object({
          instance_number: z.int().min(1),
          status: id,
          gateway_version: id,
          ip_address: z.string(),
          connected_on: z.int(),
          instance_id: id,
          name: id,
          state,
          rank: count.nullable(),
          load_per_mille: count.nullable(),
          sessions: count.nullable(),
        }),
      ),
    }),
  ),
});

/** `pam gateway set-max-instances --json`. */
export const maxInstancesSet = z.object({
  gateway_uid: id,
  max_instances: count,
  version: count,
  held_by: count,
  of: count,
  elapsed_ms: count,
});

/** `pam tunnel start --json`. */
export const tunnelStarted = z.object({
  jobId: id,
  listening: z.string().regex(/^127\.0\.0\.1:\d+$/),
  record: id,
  worker: id,
});
