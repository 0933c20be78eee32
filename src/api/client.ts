/**
 * The asking side of the control socket and the documents it answers, for the commands: apart from the serving side because every command starts
 * with it and must start fast.
 */
export { EVENTS_MAX, JOBS_DEFAULT, JOBS_MAX } from './bounds.ts';
export { askControl } from './control/control-client.ts';
export type { AskOf, BundleReport, ControlAnswers, ControlAsk, StartedReport } from './control/control-message.ts';
export { askLocal, type LocalServer, startLocalServer } from './local-socket/index.ts';
export { redact } from './redact.ts';
export { reportJob } from './reports/job-reports.ts';
export { countSessions, loadPerMille, overLimitHint } from './reports/member-reports.ts';
export type * from './reports/report.ts';
