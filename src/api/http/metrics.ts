import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { JOBS_MAX } from '../bounds.ts';
import type { ControlSource } from '../control/answer.ts';
import { loadPerMille } from '../reports/member-reports.ts';

/** What `/metrics` answers: text in the Prometheus format and its content type. */
export interface Metrics {
  readonly contentType: string;
  collect(): Promise<string>;
}

const MEMBER_STATES_SHOWN = ['candidate', 'standby', 'admitted', 'draining', 'left', 'suspect', 'dead'] as const;

/** Metrics read from the instance at every scrape: nothing is counted twice, nothing has to be kept up to date. */
export function createMetrics({ port, facts }: Pick<ControlSource, 'port' | 'facts'>): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ gateway: port.gateway.uid, instance_name: facts.name });
  collectDefaultMetrics({ register: registry });

  const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
    new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
  const members = gauge('pam_members', 'Members this instance knows, by state.', ['state']);
  const seats = gauge('pam_seats_held', 'Seats held in the pool, as this instance sees it.');
  const limit = gauge('pam_limit_max_instances', 'Seats the signed limit allows.');
  const version = gauge('pam_limit_version', 'Version of the signed limit in force.');
  const agreeing = gauge(
    'pam_agreeing_instances',
    'Live instances that see the same admission as this one, itself included.',
  );
  const admitted = gauge('pam_admitted', 'Whether this instance is admitted and serving: 1 or 0.');
  const load = gauge('pam_load_per_mille', 'Load of this instance, of 1000.');
  const reserved = gauge('pam_reserved_bytes', 'Memory promised to running sessions.');
  const budget = gauge('pam_budget_bytes', 'Memory that sessions may take in all.');
  const sessions = gauge('pam_sessions', 'Running sessions of this instance, by kind.', ['kind']);
  const jobs = gauge('pam_jobs', 'Jobs of the pool that this instance remembers, by state.', ['state']);
  const links = gauge('pam_links', 'Open links to other members.');
  const peers = gauge('pam_gossip_mesh_peers', 'Peers in the gossip mesh of the pool topic.');
  const started = gauge('pam_start_time_seconds', 'When this instance started, in seconds since 1970.');

  const refresh = (): void => {
    const view = port.view();
    for (const state of MEMBER_STATES_SHOWN) {
      members.set({ state }, view.members.filter((member) => member.state === state).length);
    }
    seats.set(view.admission.seatsHeld);
    limit.set(view.limit.maxInstances);
    version.set(view.limit.version);
    agreeing.set(view.admission.agree);
    admitted.set(view.state === 'admitted' ? 1 : 0);
    links.set(view.members.filter(({ linked }) => linked).length);
    peers.set(facts.meshPeers().length);
    started.set(Math.floor(facts.startedUnixMs / 1000));
    const own = view.members.find(({ record }) => record.instanceId === view.self)?.load ?? null;
    sessions.reset();
    if (own !== null) {
      load.set(loadPerMille(own));
      reserved.set(own.reservedKib * 1024);
      budget.set(own.budgetKib * 1024);
      for (const { kind, count } of own.sessions) sessions.set({ kind }, count);
    }
    jobs.reset();
    for (const { state } of port.jobs.jobs(JOBS_MAX)) jobs.inc({ state });
  };
  return {
    contentType: registry.contentType,
    collect() {
      refresh();
      return registry.metrics();
    },
  };
}
