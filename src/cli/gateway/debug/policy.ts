import type { Command } from 'commander';
import type { PolicyReport } from '../../../api/client.ts';
import { formatTable } from '../../frame/table.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { countOf, formatAgo, formatId } from '../../frame/text.ts';
import { defineReport } from './define-report.ts';

/** `gateway debug policy`: the signed limit. */
export function policyCommand(terminal: Terminal): Command {
  return defineReport(terminal, {
    name: 'policy',
    summary: 'the signed limit in force, who signed it, who holds it, and those before it',
    ask: { kind: 'policy' },
    render: renderPolicy,
  });
}

/** The limit in force in words, then every version, newest first. */
export function renderPolicy(report: PolicyReport, style: Style): readonly string[] {
  const { palette, width, verbose, nowUnixMs } = style;
  const signers = report.signedBy.map((signer) => formatId(signer, verbose)).join(', ');
  const expires = report.expiresAt === null ? 'never expires' : `expires ${formatAgo(report.expiresAt, nowUnixMs)}`;
  const current = { maxInstances: report.maxInstances, version: report.version, issuedAt: report.issuedAt };
  const versions = [current, ...report.history.filter(({ version }) => version !== report.version)];
  return [
    `${palette.strong(`max instances ${report.maxInstances}`)}, version ${report.version}, ${expires}, digest ${report.digest}`,
    `signed by ${signers}; held by ${countOf(report.heldBy.length, 'instance')}`,
    ...formatTable({
      width,
      paintTitle: palette.faint,
      columns: [
        { title: 'VERSION', align: 'right' },
        { title: 'MAX', align: 'right' },
        { title: 'ISSUED' },
        { title: '' },
      ],
      rows: versions.map(({ version, maxInstances, issuedAt }, index) => [
        `v${version}`,
        String(maxInstances),
        `${issuedAt} (${formatAgo(issuedAt, nowUnixMs)})`,
        index === 0 ? 'in force' : '',
      ]),
    }),
  ];
}
