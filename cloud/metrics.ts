/** Numbers for Prometheus, in its text format. Labels come from closed sets, so the number of series is bounded. */
export interface Metrics {
  /** Counts up. The name ends with `_total`. */
  count(name: string, labels?: Labels, by?: number): void;
  /** Adds a duration to a histogram. The name ends with `_seconds`. */
  observe(name: string, labels: Labels, seconds: number): void;
  /** Asks `read` whenever the numbers are read; a counter kept elsewhere when the name ends with `_total`. */
  gauge(name: string, read: () => number): void;
  text(): string;
}
type Labels = Readonly<Record<string, string>>;

/** Upper bounds in seconds: a read takes under a millisecond, a start over Bluetooth up to ten seconds. */
const BOUNDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10];

export function createMetrics(): Metrics {
  const counters = new Map<string, Map<string, number>>();
  const histograms = new Map<string, Map<string, { buckets: number[]; sum: number; count: number }>>();
  const gauges = new Map<string, () => number>();
  const series = <T>(of: Map<string, Map<string, T>>, name: string): Map<string, T> => {
    const found = of.get(name) ?? new Map<string, T>();
    of.set(name, found);
    return found;
  };

  return {
    count(name, labels = {}, by = 1) {
      const of = series(counters, name);
      const key = written(labels);
      of.set(key, (of.get(key) ?? 0) + by);
    },
    observe(name, labels, seconds) {
      const of = series(histograms, name);
      const key = written(labels);
      const found = of.get(key) ?? { buckets: BOUNDS.map(() => 0), sum: 0, count: 0 };
      of.set(key, found);
      found.buckets = found.buckets.map((n, i) => (seconds <= (BOUNDS[i] ?? 0) ? n + 1 : n));
      found.sum += seconds;
      found.count++;
    },
    gauge(name, read) {
      gauges.set(name, read);
    },
    text() {
      const lines: string[] = [];
      for (const [name, of] of counters) {
        lines.push(`# TYPE ${name} counter`);
        for (const [labels, n] of of) lines.push(`${name}${braced(labels)} ${n}`);
      }
      for (const [name, of] of histograms) {
        lines.push(`# TYPE ${name} histogram`);
        for (const [labels, h] of of) {
          const bucket = (le: string): string => `${name}_bucket${braced(joined(labels, `le="${le}"`))}`;
          for (const [i, n] of h.buckets.entries()) lines.push(`${bucket(String(BOUNDS[i]))} ${n}`);
          lines.push(`${bucket("+Inf")} ${h.count}`);
          lines.push(`${name}_sum${braced(labels)} ${h.sum}`, `${name}_count${braced(labels)} ${h.count}`);
        }
      }
      for (const [name, read] of gauges)
        lines.push(`# TYPE ${name} ${name.endsWith("_total") ? "counter" : "gauge"}`, `${name} ${read()}`);
      return `${lines.join("\n")}\n`;
    },
  };
}

const written = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, "_")}"`)
    .join(",");
const braced = (labels: string): string => (labels === "" ? "" : `{${labels}}`);
const joined = (a: string, b: string): string => (a === "" ? b : `${a},${b}`);
