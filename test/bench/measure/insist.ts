/** Trying again, as users do: on a machine that is busy with other things a peer or we ourselves may give a connection up. The time of all tries counts. */

const TRIES_MAX = 4;

/** The result of the first try that succeeds; throws what the last one threw. */
export async function insist<T>(act: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await act();
    } catch (error) {
      if (tries === TRIES_MAX) throw error;
    }
  }
}
