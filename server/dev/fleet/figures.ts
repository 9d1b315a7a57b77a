/** What a fleet has done so far, as `--json` prints it. */
export interface FleetReport {
  readonly devices: number;
  readonly masters: number;
  readonly seconds: number;
  /** Devices that are online now; in the final report, when recording ended. */
  readonly connected: number;
  readonly paired: number;
  readonly records: {
    /** Records made. */
    readonly sent: number;
    /** Records that the server has acknowledged: they are in its database. */
    readonly acknowledged: number;
    readonly waiting: number;
    /** Given up unacknowledged: the buffer was full, or the device restarted or left. The server may have them. */
    readonly abandoned: number;
    readonly perSecond: number;
  };
  readonly pings: { readonly answered: number; readonly p50Ms: number | null; readonly p99Ms: number | null };
  readonly commands: number;
  /** Link messages between agents and masters. */
  readonly links: number;
  readonly restarts: number;
  readonly cuts: number;
  readonly errors: Readonly<Record<string, number>>;
}

const KEPT_TIMES = 10_000;

/** Round trips, the last 10,000 of them. */
export function createRoundTrips() {
  const times: number[] = [];
  let count = 0;
  return {
    add(ms: number) {
      times[count++ % KEPT_TIMES] = ms;
    },
    report() {
      const sorted = times.toSorted((one, other) => one - other);
      const quantile = (share: number) => {
        const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
        return value === undefined ? null : Number(value.toFixed(1));
      };
      return { answered: count, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
    },
  };
}

/** The live summary, a line for each subject. */
export function summaryLines(report: FleetReport): string[] {
  const { records, pings } = report;
  const errors = Object.entries(report.errors).map(([kind, count]) => `${kind} ${count}`);
  return [
    `connected  ${report.connected} of ${report.devices}, ${report.paired} paired, after ${report.seconds.toFixed(0)} s`,
    `records    ${records.perSecond}/s, ${records.sent} sent, ${records.acknowledged} acknowledged, ${records.waiting} waiting, ${records.abandoned} abandoned`,
    `PING       ${pings.answered} answered, p50 ${pings.p50Ms ?? '–'} ms, p99 ${pings.p99Ms ?? '–'} ms`,
    `commands   ${report.commands}; ${report.restarts} restarts, ${report.cuts} connections cut`,
    `errors     ${errors.join(', ') || 'none'}`,
  ];
}
