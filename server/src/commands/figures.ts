import { inArray, notInArray, sql } from 'drizzle-orm';
import { type CommandState, commandStates } from '../../contract/roles.ts';
import { cachedReading } from '../platform/cached-reading.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import { commands } from '../platform/db/schema.ts';
import type { Metrics } from '../platform/metrics.ts';

interface CommandFiguresDeps {
  readonly metrics: Metrics;
  readonly db: Database;
  readonly clock: Clock;
}

const OPEN: CommandState[] = ['queued', 'sent'];
/** The open ones have an index of their own; the others are those of 90 days. */
const OPEN_KEPT_MS = 5_000;
const FINISHED_KEPT_MS = 60_000;

/** Registers how many commands are in which state, which every instance reads alike. */
export function commandFigures({ metrics, db, clock }: CommandFiguresDeps): void {
  const read = (keptMs: number, which: ReturnType<typeof inArray>) =>
    cachedReading(clock, keptMs, () =>
      db
        .select({ state: commands.state, count: sql<number>`count(*)`.mapWith(Number) })
        .from(commands)
        .where(which)
        .groupBy(commands.state),
    );
  const open = read(OPEN_KEPT_MS, inArray(commands.state, OPEN));
  const finished = read(FINISHED_KEPT_MS, notInArray(commands.state, OPEN));
  metrics.observe({
    name: 'siot_commands',
    help: 'Commands by state, of the last 90 days where they are finished; queued and sent are the depth of the queue.',
    type: 'gauge',
    labels: ['state'],
    read: async () => {
      const rows = [...(await open()), ...(await finished())];
      return commandStates.map((state) => [{ state }, rows.find((row) => row.state === state)?.count ?? 0]);
    },
  });
}
