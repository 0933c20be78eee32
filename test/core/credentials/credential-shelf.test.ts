/** Credentials in a pool: on every instance alike, safe when they are said to be, and gone when they are gone. */

import { describe, expect, it } from 'vitest';
import type { EntryChange } from '../../../src/core/credentials/next-edition.ts';
import type { Reply } from '../../../src/core/index.ts';
import { entriesOf, nextEdition } from '../../../src/core/index.ts';
import { type CredentialEntry, credentialEditionSeal } from '../../../src/wire/credential.ts';
import type { Direct } from '../../../src/wire/mesh-message.ts';
import { targetRecordSeal } from '../../../src/wire/record.ts';
import { open, seal } from '../../../src/wire/sealed.ts';
import { GATEWAY_UID, RECORD_ID, recordOf } from '../jobs/small-gateway.ts';
import { type Instance, SmallPool } from '../jobs/small-pool.ts';

/** Longer than repair by pulses takes. */
const REPAIR_MS = 15_000;
const WEEK_MS = 7 * 86_400_000;

class Story {
  readonly pool: SmallPool;
  #count = 0;

  constructor(instances: number) {
    this.pool = new SmallPool({ instances }).form();
  }

  /** A change made from what this instance holds. */
  sign(at: Instance, change: EntryChange, recordId = RECORD_ID): Uint8Array {
    this.#count += 1;
    const from = at.machine.credentials.editions(recordId);
    const init = { gatewayUid: GATEWAY_UID, recordId, editionId: `edition-${this.#count}`, unixMs: 1, from, change };
    return seal(credentialEditionSeal, nextEdition(init), [this.pool.admin]);
  }

  offer(at: Instance, sealed: Uint8Array): Reply[] {
    return this.pool.offer(at, (ticket) => ({ kind: 'offer-edition', sealed, ticket }));
  }

  /** A change that is answered before anything else happens. */
  change(at: Instance, change: EntryChange, recordId = RECORD_ID): Reply | undefined {
    const answers = this.offer(at, this.sign(at, change, recordId));
    this.pool.runUntil(() => answers.length > 0, 10_000);
    return answers[0];
  }

  write(at: Instance, versionId: string, recordId = RECORD_ID): Reply | undefined {
    return this.change(at, { kind: 'write', entry: entry(versionId) }, recordId);
  }

  held(at: Instance, recordId = RECORD_ID): readonly string[] {
    return entriesOf(at.machine.credentials.editions(recordId)).map(({ versionId, state }) => `${state} ${versionId}`);
  }

  /** The instances numbered so hear nothing from the others, nor the others from them. */
  cut(...apart: readonly number[]): void {
    this.pool.gossip = false;
    this.pool.fate = (_, from, to) => (apart.includes(from.number) === apart.includes(to.number) ? 'deliver' : 'drop');
  }

  heal(): void {
    this.pool.gossip = true;
    this.pool.fate = () => 'deliver';
    for (const one of this.pool.instances)
      for (const other of this.pool.instances)
        if (one !== other && one.running && other.running) this.pool.feed(one, { kind: 'link-up', peer: other.key.id });
  }
}

function entry(versionId: string, state: CredentialEntry['state'] = 'active'): CredentialEntry {
  return { versionId, state, box: new Uint8Array(300), changedUnixMs: 1, jobId: null };
}

function agree(story: Story, expected: readonly string[]): void {
  story.pool.runUntil(
    () =>
      story.pool.instances.every(
        (instance) => !instance.running || JSON.stringify(story.held(instance)) === JSON.stringify(expected),
      ),
    REPAIR_MS,
  );
}

describe('a credential', () => {
  it('comes to every instance, and is read from disk after a restart', () => {
    const story = new Story(3);
    expect(story.write(story.pool.at(0), 'a')).toEqual({ kind: 'done' });
    agree(story, ['active a']);
    story.pool.kill(story.pool.at(1));
    story.pool.restart(story.pool.at(1));
    expect(story.held(story.pool.at(1))).toEqual(['active a']);
  });

  it('is answered when a majority has it on disk, and not before', () => {
    const story = new Story(3);
    const confirmed = new Set<number>();
    story.pool.fate = (message, from) => {
      if (message.kind !== 'edition-held') return 'deliver';
      if (from.number === 2) return 'drop';
      expect(from.disk.some(({ kind }) => kind === 'credentials')).toBe(true);
      confirmed.add(from.number);
      return 'deliver';
    };
    expect(story.write(story.pool.at(0), 'a')).toEqual({ kind: 'done' });
    expect([...confirmed]).toEqual([1]);
  });

  it('that no majority confirms is refused by name, and stands and spreads all the same', () => {
    const story = new Story(3);
    story.pool.fate = ({ kind }: Direct) => (kind.startsWith('edition-') ? 'drop' : 'deliver');
    expect(story.write(story.pool.at(0), 'a')).toMatchObject({
      kind: 'refused',
      failure: {
        code: 'vault-unavailable',
        message: expect.stringMatching(/: instance-[12], instance-[12] did not confirm it$/),
      },
    });
    agree(story, ['active a']);
  });

  it('needs no confirmation of the dead', () => {
    const story = new Story(3);
    story.pool.kill(story.pool.at(1));
    story.pool.kill(story.pool.at(2));
    expect(story.write(story.pool.at(0), 'a')).toEqual({ kind: 'done' });
  });

  it('is refused when it cannot be written', () => {
    const story = new Story(1);
    story.pool.at(0).diskFails = true;
    expect(story.write(story.pool.at(0), 'a')).toMatchObject({ failure: { code: 'storage-failed' } });
    expect(story.held(story.pool.at(0))).toEqual([]);
    story.pool.at(0).diskFails = false;
    expect(story.write(story.pool.at(0), 'b')).toEqual({ kind: 'done' });
  });

  it('is refused for a record that nobody knows', () => {
    const story = new Story(1);
    expect(story.write(story.pool.at(0), 'a', 'unknown-record-0000000')).toMatchObject({
      failure: { code: 'not-found' },
    });
  });

  it('is changed by one of two who start from the same, also while the first is not on disk yet', () => {
    const story = new Story(1);
    const only = story.pool.at(0);
    const [one, other] = ['a', 'b'].map((id) => story.sign(only, { kind: 'write', entry: entry(id) }));
    const answers = [one, other].map((sealed) => story.offer(only, sealed ?? new Uint8Array()));
    story.pool.run(1000);
    expect(answers[0]).toEqual([{ kind: 'done' }]);
    expect(answers[1]).toMatchObject([{ failure: { code: 'vault-conflict' } }]);
    expect(story.held(only)).toEqual(['active a']);
  });
});

describe('after a partition', () => {
  it('both credentials that were written apart are kept everywhere, until one is committed', () => {
    const story = new Story(4);
    story.write(story.pool.at(0), 'old');
    agree(story, ['active old']);
    story.cut(2, 3);
    story.pool.run(8000);
    story.write(story.pool.at(0), 'left');
    story.write(story.pool.at(3), 'right');
    story.heal();
    agree(story, ['active left', 'active right', 'previous old']);
    expect(story.pool.instances.some(({ notes }) => notes.includes('credential-conflict'))).toBe(true);
    expect(story.change(story.pool.at(1), { kind: 'commit', versionId: 'right' })).toEqual({ kind: 'done' });
    agree(story, ['active right', 'previous left', 'previous old']);
  });
});

describe('an instance that was down for a week', () => {
  it('takes in what has changed, and brings nothing back', () => {
    const story = new Story(3);
    const [here, asleep] = [story.pool.at(0), story.pool.at(2)];
    story.write(here, 'a');
    story.change(here, { kind: 'stage', entry: entry('staged', 'pending') });
    agree(story, ['active a', 'pending staged']);
    story.pool.kill(asleep);
    story.change(here, { kind: 'discard', versionId: 'staged' });
    story.write(here, 'b');
    story.pool.nowMs += WEEK_MS;
    story.pool.restart(asleep);
    expect(story.held(asleep)).toEqual(['active a', 'pending staged']);
    agree(story, ['active b', 'previous a']);
  });

  it('loses the credentials of a record that was removed, and nobody gets them back from it', () => {
    const story = new Story(3);
    const asleep = story.pool.at(2);
    story.write(story.pool.at(0), 'a');
    agree(story, ['active a']);
    story.pool.kill(asleep);
    story.pool.removeRecord();
    agree(story, []);
    story.pool.restart(asleep);
    expect(story.held(asleep)).toEqual(['active a']);
    agree(story, []);
    story.pool.run(REPAIR_MS);
    agree(story, []);
    expect(story.write(story.pool.at(0), 'b')).toMatchObject({ failure: { code: 'not-found' } });
  });
});

describe('many records and credentials', () => {
  it('come to a new instance in requests of its own pace, and one that is missing does not bring the others again', {
    timeout: 30_000,
  }, () => {
    const story = new Story(2);
    const { pool } = story;
    const count = 300;
    pool.kill(pool.at(1));
    const { value: record } = open(targetRecordSeal, recordOf(pool.admin), () => true);
    for (let number = 0; number < count; number++) {
      const recordId = `record-number-${String(number).padStart(8, '0')}`;
      const sealed = seal(targetRecordSeal, { ...record, recordId, title: recordId }, [pool.admin]);
      pool.offer(pool.at(0), (ticket) => ({ kind: 'offer-record', sealed, ticket }));
      pool.run(5);
      story.offer(pool.at(0), story.sign(pool.at(0), { kind: 'write', entry: entry(`v${number}`) }, recordId));
    }
    pool.restart(pool.at(1));
    const same = (): boolean => {
      const [one, other] = pool.instances.map(({ machine }) => machine.view({ atMs: pool.nowMs }).members);
      const held = [one, other].map((members) => members?.find(({ record: { name } }) => name === 'instance-0')?.held);
      return held[0] !== null && JSON.stringify(held[0]) === JSON.stringify(held[1]) && other?.length === 2;
    };
    pool.runUntil(() => pool.at(1).machine.records.list().length === count + 1 && same(), 60_000);
    pool.runUntil(() => story.held(pool.at(1), 'record-number-00000299').length === 1, 60_000);

    const sent: Direct[] = [];
    let dropping = true;
    pool.fate = (message) => {
      if (message.kind === 'records-batch' && dropping) return 'drop';
      sent.push(message);
      return 'deliver';
    };
    const sealed = seal(targetRecordSeal, { ...record, recordId: 'one-more', title: 'one-more' }, [pool.admin]);
    pool.gossip = false;
    pool.offer(pool.at(0), (ticket) => ({ kind: 'offer-record', sealed, ticket }));
    pool.run(200);
    dropping = false;
    pool.runUntil(() => pool.at(1).machine.records.find('one-more').length === 1, 60_000);
    const batches = sent.filter((message) => message.kind === 'records-batch');
    expect(batches.flatMap((batch) => batch.sealed)).toHaveLength(1);
  });
});
