import { systemClock } from '../../src/platform/clock.ts';
import { systemRandom } from '../../src/platform/random.ts';
import { deviceKey } from '../../src/platform/secrets.ts';
import { roleSecret } from '../role-secret.ts';
import { summaryLines } from './figures.ts';
import { createFleet, type FleetOptions } from './fleet.ts';
import { type FleetIdentity, fleetIdentities } from './identity.ts';
import { readFleetArguments, USAGE } from './options.ts';

const REFRESH_MS = 1_000;
/** The terminal and `bun run` each deliver a Ctrl-C; a second one of the user's comes later than that. */
const SAME_CTRL_C_MS = 1_000;

try {
  await main();
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

async function main(): Promise<void> {
  const options = readFleetArguments(process.argv.slice(2), process.env.PORT);
  if (options.help) return console.log(USAGE);
  const identities = fleetIdentities(options.seed, options.devices, options.masters);
  const fleet = createFleet({
    ...options,
    identities,
    credential: await credentials(identities, options.secret),
    clock: systemClock,
    random: systemRandom,
  });
  const left = Promise.withResolvers<void>();
  let leavingSince: number | undefined;
  const onSignal = () => {
    if (leavingSince !== undefined && performance.now() - leavingSince > SAME_CTRL_C_MS) process.exit(1);
    leavingSince ??= performance.now();
    left.resolve();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);

  fleet.start();
  const end =
    options.durationMs === undefined ? undefined : systemClock.setTimer(left.resolve, options.durationMs);
  const live = process.stdout.isTTY && !options.json;
  if (!live && !options.json)
    console.log(`${options.devices} devices, until Ctrl-C or the end of --duration`);
  let drawn = 0;
  const draw = (lines: readonly string[]) => {
    if (drawn > 0) process.stdout.write(`\x1b[${drawn}A\x1b[J`);
    console.log(lines.join('\n'));
    drawn = lines.length;
  };
  const refresh = live
    ? systemClock.setTicker(() => draw(summaryLines(fleet.report())), REFRESH_MS)
    : undefined;
  await left.promise;
  end?.cancel();
  const report = await fleet.close();
  refresh?.cancel();
  if (options.json) console.log(JSON.stringify(report, null, 2));
  else draw(summaryLines(report));
  const { connected, records, pings } = report;
  const reached = connected + records.acknowledged + pings.answered > 0;
  // Whoever left at once by Ctrl-C did not wait for it.
  if (leavingSince === undefined && !reached) throw new Error(`no device has connected to ${options.server}`);
}

/** The device's own key, which the server takes whatever `DEVICE_CREDENTIALS` is. */
async function credentials(
  identities: readonly FleetIdentity[],
  given: string | undefined,
): Promise<FleetOptions['credential']> {
  const roles = [...new Set(identities.map(({ role }) => role))];
  const secrets = new Map(
    await Promise.all(roles.map(async (role) => [role, await roleSecret(role, given)] as const)),
  );
  return ({ role, uuid }) => deviceKey(secrets.get(role) ?? '', uuid);
}
