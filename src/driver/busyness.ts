import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { BUSY_SAMPLE_MS, BUSY_SMOOTHING_MS, LAG_FULL_MS, LAG_SAMPLE_MS } from './bounds.ts';

/** A running measurement. */
export interface Busyness {
  stop(): void;
}

/**
 * Tells twice a second how busy this process is, 0 to 1000, smoothed over a few seconds: the greater of the event loop's utilisation and its
 * mean lag. A process that gets too little processor time shows as lag, whoever takes the time.
 */
export function startBusyness(report: (perMille: number) => void): Busyness {
  const delay = monitorEventLoopDelay({ resolution: LAG_SAMPLE_MS });
  delay.enable();
  let last = performance.eventLoopUtilization();
  let smoothed = 0;
  const weight = BUSY_SAMPLE_MS / BUSY_SMOOTHING_MS;
  const timer = setInterval(() => {
    const current = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(current, last);
    last = current;
    // The histogram counts the wait of its own timer as delay.
    const lagMs = Number.isFinite(delay.mean) ? Math.max(0, delay.mean / 1e6 - LAG_SAMPLE_MS) : 0;
    delay.reset();
    const now = Math.min(1000, Math.max(utilization * 1000, (lagMs * 1000) / LAG_FULL_MS));
    smoothed += (now - smoothed) * weight;
    report(Math.round(smoothed));
  }, BUSY_SAMPLE_MS);
  timer.unref();
  return {
    stop() {
      clearInterval(timer);
      delay.disable();
    },
  };
}
