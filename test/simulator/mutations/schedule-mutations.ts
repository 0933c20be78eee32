import type { Mutation } from './mutations.ts';

/** Mistakes about who carries a due time out. */
export const SCHEDULE_MUTATIONS: readonly Mutation[] = [
  {
    mistake: 'a due time needs no majority',
    breaks: ['schedule'],
    changes: [
      {
        file: 'schedules/scheduler.ts',
        find: 'if (!isMajority(members.filter((id) => granted.has(id)).length, members.length)) return;',
        replace: '',
      },
      {
        file: 'schedules/scheduler.ts',
        find: 'if (!this.#council.sight().isMajority) return this.#noteWaiting(recordId, dueUnixMs);',
        replace: '',
      },
    ],
    seed: 19,
  },
  {
    mistake: 'the council forgets at once who is not there',
    breaks: ['schedule'],
    changes: [
      {
        file: 'schedules/council.ts',
        find: 'filter((id) => !this.#hasGone(id) && !(enough && this.#isForgotten(id)))',
        replace: 'filter((id) => this.#isThere(id))',
      },
    ],
    seed: 19,
  },
];
