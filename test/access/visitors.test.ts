/** Connections that have shown nothing are closed, whatever the order in which libp2p tells of them. */

import type { Connection } from '@libp2p/interface';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UNPROVED_MS } from '../../src/access/bounds.ts';
import { Visitors } from '../../src/access/server/visitors.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** What visitors need of a connection, and whether it was closed. */
function inbound(): { readonly connection: Connection; readonly aborted: () => boolean } {
  const abort = vi.fn();
  const connection = Object.assign(new EventTarget(), { id: 'c1', direction: 'inbound', abort });
  return { connection: connection as unknown as Connection, aborted: () => abort.mock.calls.length > 0 };
}

describe('a connection of the access plane', () => {
  it('that shows nothing is closed after five seconds', () => {
    const { connection, aborted } = inbound();
    new Visitors(() => undefined).arrive(connection);
    vi.advanceTimersByTime(UNPROVED_MS - 1);
    expect(aborted()).toBe(false);
    vi.advanceTimersByTime(1);
    expect(aborted()).toBe(true);
  });

  it.each(['before', 'after'])('stays where its proof is read %s the word of its opening', (when) => {
    const { connection, aborted } = inbound();
    const visitors = new Visitors(() => undefined);
    if (when === 'before') visitors.prove(connection);
    visitors.arrive(connection);
    if (when === 'after') visitors.prove(connection);
    vi.advanceTimersByTime(2 * UNPROVED_MS);
    expect(aborted()).toBe(false);
  });
});
