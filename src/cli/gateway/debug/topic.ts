import type { Command } from 'commander';
import type { TopicReport } from '../../../api/client.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { formatId } from '../../frame/text.ts';
import { defineReport } from './define-report.ts';

/** `gateway debug topic`: where the pool talks. */
export function topicCommand(terminal: Terminal): Command {
  return defineReport(terminal, {
    name: 'topic',
    summary: 'the pool topic, alike on every instance, and the gossip peers',
    ask: { kind: 'topic' },
    render: renderTopic,
  });
}

/** Topic and pool id as they are: people compare them. */
export function renderTopic({ topic, poolId, meshPeers }: TopicReport, { palette, verbose }: Style): readonly string[] {
  const peers = meshPeers.map((peer) => formatId(peer, verbose)).join(' ');
  return [
    `${palette.faint('topic     ')}${topic}`,
    `${palette.faint('pool id   ')}${poolId}`,
    `${palette.faint('peers     ')}${meshPeers.length === 0 ? 'none' : `${meshPeers.length}: ${peers}`}`,
  ];
}
