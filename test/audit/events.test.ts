import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { AUDIT_EVENTS, formatSyslog, isAuditKind } from '../../src/audit/client.ts';
import { classOf } from '../../src/audit/event.ts';
import { eventOfNote, eventOfStored, isNoteClassed } from '../../src/audit/from-pool.ts';
import { JOB_STATES, type JobNotice } from '../../src/wire/job.ts';
import { loadSourceTree } from '../architecture/source-tree.ts';
import { key } from './open-log.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const notice: JobNotice = {
  jobId: 'j',
  kind: 'tunnel',
  recordId: 'r',
  parent: null,
  caller: key.id,
  state: 'running',
  entry: key.id,
  worker: key.id,
  submittedUnixMs: 1,
  startedUnixMs: 1000,
  endedUnixMs: 4000,
  error: null,
  bytesIn: 5,
  bytesOut: 7,
  progress: null,
};

describe('the list of events', () => {
  it('gives every field a class, and what is not in it counts as secret', () => {
    for (const [kind, fields] of Object.entries(AUDIT_EVENTS))
      for (const field of Object.keys(fields)) expect(['public', 'personal', 'secret']).toContain(classOf(kind, field));
    expect([classOf('denied', 'nobody-knows'), classOf('nothing', 'reason'), classOf('denied', 'toString')]).toEqual([
      'secret',
      'secret',
      'secret',
    ]);
  });

  it('is explained in the README, kind by kind', () => {
    const readme = readFileSync(join(root, 'src/audit/README.md'), 'utf8');
    const missing = Object.keys(AUDIT_EVENTS).filter((kind) => !readme.includes(`\`${kind}\``));
    expect(missing).toEqual([]);
  });
});

describe('what the core says', () => {
  it('is classed, note by note', () => {
    const calls = loadSourceTree(root, ['src/core']).flatMap(({ text }) => [
      ...text.matchAll(/\bnote\(\s*'(?:debug|info|warn|error)',\s*'([a-z-]+)'/g),
    ]);
    const names = [...new Set(calls.map(([, name = '']) => name))];
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !isNoteClassed(name))).toEqual([]);
  });

  it('is recorded without its values where nobody has classed it', () => {
    const event = eventOfNote({ level: 'warn', event: 'brand-new', detail: { password: 'hunter2' } });
    expect(event).toEqual({ kind: 'noted', event: 'brand-new', level: 'warn', detail: null });
  });

  it('becomes an event with its values where somebody has', () => {
    const detail = { limitVersion: 2, maxInstances: 3, handedOverBy: null };
    expect(eventOfNote({ level: 'info', event: 'admitted', detail })).toEqual({ kind: 'seat-taken', ...detail });
    expect(eventOfNote({ level: 'warn', event: 'process-paused', detail: {} })).toBeNull();
  });

  it('of a job becomes its begin, and its end with bytes and time', () => {
    const kinds = JOB_STATES.map((state) => {
      const stored = { kind: 'job', notice: { ...notice, state }, deadlineUnixMs: 9 } as const;
      return eventOfStored(stored)?.kind ?? null;
    });
    const ended = 'session-ended';
    expect(kinds).toEqual([null, 'job-accepted', 'session-started', ended, ended, ended, ended]);
    const stored = { kind: 'job', notice: { ...notice, state: 'succeeded' }, deadlineUnixMs: 9 } as const;
    expect(eventOfStored(stored)).toMatchObject({ bytesIn: 5, bytesOut: 7, durationMs: 3000, caller: key.id });
    const never = { ...stored, notice: { ...stored.notice, startedUnixMs: null } };
    expect(eventOfStored(never)?.kind).toBe('job-ended');
  });
});

describe('a syslog message', () => {
  it('follows RFC 5424, whatever is in its values', () => {
    const entry = {
      sequence: 7,
      unixMs: 1_764_056_400_123,
      previous: 'ab'.repeat(32),
      event: { kind: 'denied', reason: 'a "quoted" ] back\\slash', caller: null },
    };
    expect(formatSyslog(entry, { instanceId: key.id, host: 'gw 1é' })).toBe(
      `<108>1 2025-11-25T07:40:00.123Z gw_1_ pam-gateway - denied [event@32473 instance="${key.id}" sequence="7" ` +
        `previous="${'ab'.repeat(32)}" reason="a \\"quoted\\" \\] back\\\\slash"] denied`,
    );
  });

  it('has a name for every kind that fits into its field', () => {
    for (const kind of Object.keys(AUDIT_EVENTS)) {
      expect(isAuditKind(kind)).toBe(true);
      expect(kind.length).toBeLessThanOrEqual(32);
    }
  });
});
