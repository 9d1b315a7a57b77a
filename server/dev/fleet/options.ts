import { parseArgs } from 'node:util';
import { joinValues } from '../command-line.ts';

export const USAGE = `Usage: bun run fleet [options]

A fleet of simulated devices: tokens, MQTT, PING, numbered telemetry, answers to commands.

  --devices <n>       how many devices, masters included (20)
  --masters <n>       how many of them are masters (1)
  --rate <n>          records per second and device (1)
  --duration <time>   such as 30s, 5m or 1h; without one it goes on until Ctrl-C
  --server <url>      the server (http://127.0.0.1:3000, or the port in PORT)
  --seed <text>       the same seed gives the same UUIDs (fleet)
  --churn <n>         restarts per device and hour: leaves, and comes back as a new boot (0)
  --lossy <n>         connections cut per device and hour, without a DISCONNECT (0)
  --secret <secret>   role secret of agents and masters (from the environment, else from DATA_DIR)
  --api-key <key>     an API key: the agents are paired with the masters
  --json              prints a report as JSON at the end, and nothing else

A large fleet comes from one address and registers at once: raise RATE_LIMIT_ADDRESS and REGISTRATIONS_PER_HOUR of the
server for it. What the server refuses is counted under errors, and tried again. Where no device has connected in the whole
--duration, it ends with 1.`;

const NAMES = ['devices', 'masters', 'rate', 'duration', 'server', 'seed', 'churn', 'lossy'];
const MAX_DEVICES = 10_000;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const MAX_DURATION_MS = 24 * 3_600_000;

export interface FleetArguments {
  readonly devices: number;
  readonly masters: number;
  readonly rate: number;
  readonly durationMs: number | undefined;
  readonly server: string;
  readonly seed: string;
  readonly churn: number;
  readonly lossy: number;
  readonly secret: string | undefined;
  readonly apiKey: string | undefined;
  readonly json: boolean;
  readonly help: boolean;
}

/** Reads the flags. Throws an error of one sentence for a bad one. */
export function readFleetArguments(args: readonly string[], port: string | undefined): FleetArguments {
  const { values } = parseArgs({
    args: joinValues(args, [...NAMES, 'secret', 'api-key']),
    options: {
      devices: { type: 'string', default: '20' },
      masters: { type: 'string', default: '1' },
      rate: { type: 'string', default: '1' },
      duration: { type: 'string' },
      server: { type: 'string', default: `http://127.0.0.1:${port || 3000}` },
      seed: { type: 'string', default: 'fleet' },
      churn: { type: 'string', default: '0' },
      lossy: { type: 'string', default: '0' },
      secret: { type: 'string' },
      'api-key': { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const devices = number('--devices', values.devices, 1, MAX_DEVICES, true);
  if (!/^https?:\/\//i.test(values.server) || !URL.canParse(values.server))
    throw new Error('--server must be a URL such as http://127.0.0.1:3000');
  return {
    devices,
    masters: number('--masters', values.masters, 0, devices, true),
    rate: number('--rate', values.rate, 0.001, 100),
    durationMs: values.duration === undefined ? undefined : duration(values.duration),
    server: values.server.replace(/\/+$/, ''),
    seed: values.seed,
    churn: number('--churn', values.churn, 0, 3_600),
    lossy: number('--lossy', values.lossy, 0, 3_600),
    secret: values.secret,
    apiKey: values['api-key'],
    json: values.json,
    help: values.help,
  };
}

function number(name: string, text: string, min: number, max: number, whole = false): number {
  const value = Number(text);
  const fits = text.trim() !== '' && value >= min && value <= max && (!whole || Number.isInteger(value));
  if (!fits) throw new Error(`${name} must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}`);
  return value;
}

function duration(text: string): number {
  const [, value, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(value) * (UNIT_MS[unit ?? ''] ?? Number.NaN);
  if (!(ms > 0 && ms <= MAX_DURATION_MS))
    throw new Error('--duration must be a time of at most 24h such as 30s, 5m or 1h');
  return ms;
}
