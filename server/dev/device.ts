import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { pingTopic } from '../contract/topics.ts';
import { deviceUuid } from '../contract/uuid.ts';
import { systemClock } from '../src/platform/clock.ts';
import { systemRandom } from '../src/platform/random.ts';
import { joinValues } from './command-line.ts';
import { createDeviceClient } from './device-client.ts';
import { deviceCredential, parseRole } from './role-secret.ts';

const USAGE = `Usage: bun run device [options]

A simulated device: asks the server for a token and the broker's address, connects, and shows each PING and its PONG.

  --server <url>      the server (http://127.0.0.1:3000, or the port in PORT)
  --uuid <uuid>       the device (a new one)
  --role <role>       agent or master (agent)
  --secret <secret>   role secret or device key (from the environment, else from DATA_DIR)
  --pings <n>         how many PINGs to send; 0 goes on until Ctrl-C (5)
  --interval <s>      seconds between PINGs (1)`;

const MAX_INTERVAL_SECONDS = 86_400;

function readArguments() {
  const { values } = parseArgs({
    args: joinValues(process.argv.slice(2), ['server', 'uuid', 'role', 'secret', 'pings', 'interval']),
    options: {
      server: { type: 'string', default: `http://127.0.0.1:${process.env.PORT || 3000}` },
      uuid: { type: 'string', default: randomUUID() },
      role: { type: 'string', default: 'agent' },
      secret: { type: 'string' },
      pings: { type: 'string', default: '5' },
      interval: { type: 'string', default: '1' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const uuid = deviceUuid.safeParse(values.uuid);
  if (!uuid.success) throw new Error(`--uuid ${uuid.error.issues[0]?.message}`);
  if (!/^https?:\/\//i.test(values.server) || !URL.canParse(values.server))
    throw new Error('--server must be a URL such as http://127.0.0.1:3000');
  const pings = Number(values.pings);
  const intervalSeconds = Number(values.interval);
  if (!/^\d{1,9}$/.test(values.pings)) throw new Error('--pings must be a whole number');
  if (!(intervalSeconds > 0 && intervalSeconds <= MAX_INTERVAL_SECONDS))
    throw new Error('--interval must be a number of seconds, a day at most');
  const server = values.server.replace(/\/+$/, '');
  return {
    server,
    uuid: uuid.data,
    role: parseRole(values.role),
    secret: values.secret,
    pings,
    intervalSeconds,
    help: values.help,
  };
}

function step(name: string, text: string): void {
  console.log(`${name.padEnd(9)} ${text}`);
}

async function main(): Promise<void> {
  const options = readArguments();
  if (options.help) return console.log(USAGE);
  const { server, uuid, role } = options;
  step('device', `${uuid} (${role})`);

  const credential = await deviceCredential(role, uuid, options.secret);
  const online = Promise.withResolvers<void>();
  const left = Promise.withResolvers<never>();
  const device = createDeviceClient({
    server,
    uuid,
    credential,
    clock: systemClock,
    random: systemRandom,
    onEvent(event) {
      if (event.type === 'token') {
        const days = (event.expiresInSeconds / 86_400).toFixed(1);
        step('token', `user name ${event.username}, good for ${days} days`);
      } else if (event.type === 'broker') step('broker', event.address);
      else if (event.type === 'connected') step('connect', `client id ${uuid}`);
      else if (event.type === 'failure') online.reject(new Error(event.failure.message));
      else if (event.type === 'online') {
        if (event.denied.length > 0) online.reject(new Error(`the broker denied ${event.denied.join(', ')}`));
        step('subscribe', pingTopic(uuid));
        online.resolve();
      }
    },
  });
  let leaving = false;
  process.on('SIGINT', () => {
    leaving = true;
    left.reject(new Error('interrupted'));
  });
  left.promise.catch(() => {});

  device.start();
  try {
    await Promise.race([online.promise, left.promise]);
    for (let sent = 1; ; sent++) {
      const sentAt = performance.now();
      await Promise.race([device.ping(), left.promise]);
      step('PING', `→ PONG after ${(performance.now() - sentAt).toFixed(1)} ms`);
      if (sent === options.pings) break;
      await Promise.race([Bun.sleep(options.intervalSeconds * 1000), left.promise]);
    }
  } catch (error) {
    if (!leaving) throw error;
  }
  await device.close();
  step('leave', 'disconnected');
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
