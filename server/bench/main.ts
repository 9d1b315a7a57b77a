/**
 * `npx -y bun run bench [tokens] [ping] [memory] [reconcile] [ingest] [buckets] [storm] [fleet] [search] [chart]`: the server against floors that are measured in the same run.
 *
 * Prints ratios, for absolute figures say more about the machine than about the server.
 */
import { availableParallelism } from 'node:os';
import { asksForHelp } from '../src/asks-for-help.ts';
import { createTestDatabase } from '../test/test-database.ts';
import { benchBuckets } from './buckets.ts';
import { benchChart } from './chart.ts';
import { benchFleet } from './fleet.ts';
import { benchIngest } from './ingest.ts';
import { benchMemory } from './memory.ts';
import { benchPing } from './ping.ts';
import { benchReconcile } from './reconcile.ts';
import { benchSearch } from './search.ts';
import { benchStorm } from './storm.ts';
import { benchTokens } from './tokens.ts';

const BENCHES = {
  tokens: benchTokens,
  ping: benchPing,
  memory: benchMemory,
  reconcile: benchReconcile,
  ingest: benchIngest,
  buckets: benchBuckets,
  storm: benchStorm,
  fleet: benchFleet,
  search: benchSearch,
  chart: benchChart,
};

const names = process.argv.slice(2);
if (asksForHelp(names)) {
  console.log(
    `Usage: bun run bench [benchmark...]\n\nAll benchmarks, or some of: ${Object.keys(BENCHES).join(' ')}`,
  );
  process.exit(0);
}
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  console.error(`no such benchmark: ${unknown.join(', ')}; there are: ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}

const database = await createTestDatabase();
try {
  console.log(`${availableParallelism()} cores`);
  console.log('subject to floor: median of the rounds (lowest–highest)');
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (names.length === 0 || names.includes(name)) await bench(database.url);
  }
} finally {
  await database.close();
}
