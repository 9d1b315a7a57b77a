import { join } from 'node:path';
import type { Report } from '../report.ts';
import type { Chip } from '../variants.ts';
import { SCENARIOS } from './scenarios.ts';
import { type Stack, startStack } from './server.ts';
import { World } from './world.ts';

/** Those that touch what differs between the chips: network, clock and flash. The others run on one of them. */
const ON_BOTH_CHIPS = /first token|reboot|offline|restarts empty|Wi-Fi|power cut/;

/** The library against the real server and the development broker. */
export async function runEndToEnd(
  report: Report,
  programs: ReadonlyMap<Chip, string>,
  build: string,
): Promise<void> {
  let stack: Stack | undefined;
  const started = await report.attempt('server and development broker start', async () => {
    stack = await startStack({ env: { RATE_LIMIT_FAILED: '100000' } });
    return undefined;
  });
  if (!started || stack === undefined) return;
  try {
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
      for (const chip of programs.keys()) {
        if (chip !== 'esp8266' && !ON_BOTH_CHIPS.test(name)) continue;
        const world = new World(stack, programs, chip, join(build, 'flash'));
        await report.attempt(`end to end, ${chip}: ${name}`, async () => {
          await scenario(world);
          return undefined;
        });
        await world.clear();
      }
    }
  } finally {
    await stack.close();
  }
}
