import type { Exploration } from './explore.ts';

/** One exploration for people: how much was seen and, if something broke, the shortest way to it that was found. */
export function formatExploration({ situation, states, schedules, depth, complete, failure }: Exploration): string {
  const extent = `${states} states in ${schedules} schedules of up to ${depth} steps${complete ? ', complete' : ''}`;
  if (failure === null) return `${situation}: ${extent}`;
  const departures = failure.schedule.map(({ step, choice }) => `${step}:${choice}`).join(' ');
  return [
    `${situation}: ${failure.message} (after ${extent}; departures ${departures})`,
    ...failure.trace.map((line) => `  ${line}`),
  ].join('\n');
}
