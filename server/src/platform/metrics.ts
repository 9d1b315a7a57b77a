import { Counter, Gauge, Histogram, Registry } from 'prom-client';

type Labels<Name extends string> = Readonly<Record<Name, string>>;

interface Figure<Name extends string> {
  /** `siot_<what>_<unit>`, and `_total` for what only rises (Prometheus, "Metric and label naming"). */
  readonly name: string;
  readonly help: string;
  /** Labels whose values are few and known: a label with ids or paths of clients would make a series each. */
  readonly labels?: readonly Name[];
}

/** A value with its labels. */
export type Sample<Name extends string = string> = readonly [labels: Labels<Name>, value: number];

/** Where features register what they count, measure and know. Registering a name twice is an error. */
export interface Metrics {
  /** What is counted as it happens. */
  counter<Name extends string = never>(figure: Figure<Name>): (labels: Labels<Name>, by?: number) => void;
  /** What is measured as it happens, in seconds. */
  duration<Name extends string = never>(
    figure: Figure<Name> & { readonly buckets: readonly number[] },
  ): (labels: Labels<Name>, seconds: number) => void;
  /** What is read when it is asked for; a `counter` is a total that somebody else keeps. What cannot be read is left out. */
  observe<Name extends string = never>(
    figure: Figure<Name> & {
      readonly type: 'counter' | 'gauge';
      readonly read: () => Iterable<Sample<Name>> | Promise<Iterable<Sample<Name>>>;
    },
  ): void;
}

export interface MetricsRegistry extends Metrics {
  /** All figures in the text format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** The figures of one server, by prom-client. */
export function createMetrics(): MetricsRegistry {
  const registry = new Registry();
  const registers = [registry];
  return {
    counter({ name, help, labels = [] }) {
      const counter = new Counter({ name, help, labelNames: labels, registers });
      return (values, by = 1) => counter.inc(values, by);
    },
    duration({ name, help, labels = [], buckets }) {
      const histogram = new Histogram({ name, help, labelNames: labels, buckets: [...buckets], registers });
      return (values, seconds) => histogram.observe(values, seconds);
    },
    observe({ name, help, labels = [], type, read }) {
      const options = { name, help, labelNames: labels, registers };
      if (type === 'gauge') {
        const gauge: Gauge = new Gauge({
          ...options,
          async collect() {
            const samples = await readOrNothing(read);
            gauge.reset();
            // Without labels a reset leaves a 0 behind.
            if (labels.length === 0) gauge.remove();
            for (const [values, value] of samples) gauge.set(values, value);
          },
        });
      } else {
        const counter: Counter = new Counter({
          ...options,
          async collect() {
            const samples = await readOrNothing(read);
            counter.reset();
            if (labels.length === 0) counter.remove();
            for (const [values, value] of samples) counter.inc(values, value);
          },
        });
      }
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** One part that cannot be read must not take the other figures along. */
async function readOrNothing<T>(read: () => Iterable<T> | Promise<Iterable<T>>): Promise<Iterable<T>> {
  try {
    return await read();
  } catch {
    return [];
  }
}
