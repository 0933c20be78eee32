import { arch, cpus, freemem, loadavg, release, totalmem, type } from 'node:os';
import { formatUnixMs } from '../../base/stamp.ts';
import { EVENTS_MAX } from '../bounds.ts';
import { redact } from '../redact.ts';
import { reportHealth, reportPolicy, reportPool, reportStatus, reportTopic } from '../reports/instance-reports.ts';
import { reportEvents, reportJob } from '../reports/job-reports.ts';
import { reportAdmission, reportLoad, reportMembers } from '../reports/member-reports.ts';
import type { ControlSource } from './answer.ts';
import type { BundleReport } from './control-message.ts';

/** Everything that helps somebody else to understand a problem of this instance, with secrets removed. One entry becomes one file. */
export function assembleBundle(source: ControlSource, options: { readonly jobsMost: number }): BundleReport {
  const { port, facts, events, settings } = source;
  const view = port.view();
  const self = { port, view, facts };
  return redact({
    about: { format: 1, madeAt: formatUnixMs(port.unixMs()), ...reportPool(self) },
    status: reportStatus(self),
    health: reportHealth(self),
    members: reportMembers(view),
    admission: reportAdmission(view),
    load: reportLoad(view),
    topic: reportTopic(facts),
    policy: reportPolicy(view),
    jobs: { jobs: port.jobs.jobs(options.jobsMost).map((notice) => reportJob(notice, port.records)) },
    events: reportEvents(events.latest(EVENTS_MAX)),
    settings,
    process: describeProcess(),
    machine: describeMachine(),
  });
}

function describeProcess(): unknown {
  return {
    node: process.version,
    uptimeMs: Math.round(process.uptime() * 1000),
    memory: process.memoryUsage(),
    resources: process.resourceUsage(),
    handles: countByName(process.getActiveResourcesInfo()),
  };
}

function describeMachine(): unknown {
  return {
    system: type(),
    release: release(),
    architecture: arch(),
    processors: cpus().length,
    memoryBytes: totalmem(),
    memoryFreeBytes: freemem(),
    loadAverage: loadavg(),
  };
}

function countByName(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
