import type {
  AdmissionReport,
  EventsReport,
  HealthReport,
  JobsReport,
  LoadReport,
  MembersReport,
  PolicyReport,
  PoolReport,
  StatusReport,
  TopicReport,
  TraceReport,
} from '../reports/report.ts';

/**
 * What travels on the control socket: one JSON document per line. A request names a command; the answer is its report or a failure. A
 * connection may carry several requests, answered in order. Loads nothing heavy: every command starts with it.
 */

/** What each command answers. */
export interface ControlAnswers {
  readonly pool: PoolReport;
  readonly status: StatusReport;
  readonly members: MembersReport;
  readonly admission: AdmissionReport;
  readonly load: LoadReport;
  readonly topic: TopicReport;
  readonly policy: PolicyReport;
  readonly jobs: JobsReport;
  readonly trace: TraceReport;
  readonly events: EventsReport;
  readonly health: HealthReport;
  readonly drain: StartedReport;
  readonly stop: StartedReport;
  readonly bundle: BundleReport;
}

/** Answer to `drain` and `stop`: it has begun. */
export interface StartedReport {
  readonly instanceId: string;
  readonly name: string;
  readonly state: string;
  /** The process whose end completes it. */
  readonly processId: number;
}

/** Answer to `bundle`: everything this instance knows that helps somebody else to understand a problem, without secrets. */
export type BundleReport = Readonly<Record<string, unknown>>;

/** What some requests say beside their name; what has a default may be left out. */
interface AskParameters {
  readonly jobs: { readonly most?: number };
  readonly trace: { readonly jobId: string };
  readonly events: { readonly most?: number };
}

/** The request of a kind, as a command writes it. */
export type AskOf<K extends keyof ControlAnswers> = { readonly kind: K } & (K extends keyof AskParameters
  ? AskParameters[K]
  : unknown);
/** Any request. */
export type ControlAsk = { readonly [K in keyof ControlAnswers]: AskOf<K> }[keyof ControlAnswers];
