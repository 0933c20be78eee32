/** An instance whose processor is taken: its own thread does something else most of the time. */

/** Begins with SIGUSR2, so that the instance can start and join undisturbed. */
const PRELOAD = `
process.once('SIGUSR2', () => {
  const periodMs = 50;
  const spinMs = (periodMs * Number(process.env.TEST_BURN_PER_MILLE)) / 1000;
  const burn = () => {
    const untilMs = performance.now() + spinMs;
    while (performance.now() < untilMs);
    setTimeout(burn, periodMs - spinMs);
  };
  burn();
});
`;

/** The environment of a process that, from SIGUSR2 on, has so much of its time taken, of 1000. */
export function burnsFromSignal(perMille: number): Readonly<Record<string, string>> {
  const preload = `data:text/javascript,${encodeURIComponent(PRELOAD)}`;
  return { NODE_OPTIONS: `--import=${preload}`, TEST_BURN_PER_MILLE: String(perMille) };
}
