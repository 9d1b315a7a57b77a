import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from '../platform/metrics.ts';

const RESOLUTION_MS = 20;
const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;

/**
 * The delay of the event loop, memory and processor time. prom-client's own defaults ask for what Bun does not know, and
 * cannot be stopped.
 */
export function processFigures(metrics: Metrics): { start(): void; close(): void } {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  metrics.observe({
    name: 'siot_event_loop_delay_seconds',
    help: 'How late timers fire, since the last time this was read.',
    type: 'gauge',
    labels: ['quantile'],
    read() {
      const samples = [0.5, 0.99, 1].map(
        (quantile) =>
          [{ quantile: String(quantile) }, delay.percentile(quantile * 100) / NANOSECONDS] as const,
      );
      delay.reset();
      return samples;
    },
  });
  metrics.observe({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory.',
    type: 'gauge',
    read: () => [[{}, process.memoryUsage.rss()]],
  });
  metrics.observe({
    name: 'process_cpu_seconds_total',
    help: 'Processor time, user and system.',
    type: 'counter',
    read() {
      const { user, system } = process.cpuUsage();
      return [[{}, (user + system) / MICROSECONDS]];
    },
  });
  return { start: () => void delay.enable(), close: () => void delay.disable() };
}
