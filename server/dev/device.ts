import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import mqtt, { type MqttClient } from 'mqtt';
import { z } from 'zod';
import { deviceUuid } from '../contract/uuid.ts';
import { parseRole, roleSecret } from './role-secret.ts';

const USAGE = `Usage: bun run device [options]

A simulated device: asks the server for a token and the broker's address, connects, and shows each PING and its PONG.

  --server <url>      the server (http://127.0.0.1:3000)
  --uuid <uuid>       the device (a new one)
  --role <role>       agent or master (agent)
  --secret <secret>   role secret or device key (from the environment, else from the development stack)
  --pings <n>         how many PINGs to send; 0 goes on until Ctrl-C (5)
  --interval <s>      seconds between PINGs (1)`;

const ANSWER_LIMIT_MS = 10_000;

const refusal = z.object({ c: z.string(), r: z.string().optional(), m: z.string().optional() });
const tokenAnswer = z.object({ t: z.string(), u: z.string(), x: z.number() });
const brokerAnswer = z.object({ ip: z.string(), tls: z.string().optional() });

function readArguments() {
  const { values } = parseArgs({
    options: {
      server: { type: 'string', default: 'http://127.0.0.1:3000' },
      uuid: { type: 'string', default: randomUUID() },
      role: { type: 'string', default: 'agent' },
      secret: { type: 'string' },
      pings: { type: 'string', default: '5' },
      interval: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  const uuid = deviceUuid.safeParse(values.uuid);
  if (!uuid.success) throw new Error(`--uuid ${uuid.error.issues[0]?.message}`);
  if (!/^https?:\/\//i.test(values.server) || !URL.canParse(values.server))
    throw new Error('--server must be a URL such as http://127.0.0.1:3000');
  const pings = Number(values.pings);
  const intervalSeconds = Number(values.interval);
  if (!Number.isInteger(pings) || pings < 0) throw new Error('--pings must be a whole number');
  if (!(intervalSeconds > 0)) throw new Error('--interval must be a number of seconds');
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

async function call<T>(url: string, credential: string, schema: z.ZodType<T>): Promise<T> {
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${credential}` },
    signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
  }).catch((error: Error) => {
    throw new Error(`${new URL(url).origin} cannot be reached: ${error.message}`);
  });
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Error(
      `${new URL(url).origin} is not a Simple IoT Server: it answered ${response.status} without JSON`,
    );
  }
  const answer = schema.safeParse(body);
  if (response.ok && answer.success) return answer.data;
  const { c, r, m } = refusal.safeParse(body).data ?? { c: 'unknown answer' };
  throw new Error(`refused with ${response.status} ${c} ${r ?? ''}: ${m ?? ''}`);
}

async function ping(client: MqttClient, topic: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const sentAt = performance.now();
  const limit = setTimeout(
    () => reject(new Error(`no PONG within ${ANSWER_LIMIT_MS / 1000} s`)),
    ANSWER_LIMIT_MS,
  );
  const onMessage = (_: string, payload: Buffer) => {
    if (z.object({ c: z.literal('PONG') }).safeParse(parse(payload)).success)
      resolve(performance.now() - sentAt);
  };
  const onClose = () => reject(new Error('the broker closed the connection'));
  client.on('message', onMessage);
  client.once('close', onClose);
  try {
    await client.publishAsync(topic, JSON.stringify({ c: 'PING' }), { qos: 1 });
    return await promise;
  } finally {
    clearTimeout(limit);
    client.off('message', onMessage);
    client.off('close', onClose);
  }
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
}

function step(name: string, text: string): void {
  console.log(`${name.padEnd(9)} ${text}`);
}

async function main(): Promise<void> {
  const options = readArguments();
  if (options.help) return console.log(USAGE);
  const { server, uuid, role } = options;
  step('device', `${uuid} (${role})`);

  const secret = await roleSecret(role, options.secret);
  const {
    t: token,
    u: username,
    x,
  } = await call(`${server}/auth/devices/request?uuid=${uuid}`, secret, tokenAnswer);
  step('token', `user name ${username}, good for ${(x / 86_400).toFixed(1)} days`);

  const { ip } = await call(`${server}/mqtt`, token, brokerAnswer);
  step('broker', ip);

  const client = await mqtt
    .connectAsync(
      `mqtt://${ip}`,
      {
        clientId: uuid,
        username,
        password: token,
        protocolVersion: 4,
        reconnectPeriod: 0,
        connectTimeout: ANSWER_LIMIT_MS,
      },
      false,
    )
    .catch((error: Error) => {
      throw new Error(`the broker at ${ip} refused or cannot be reached: ${error.message}`);
    });
  step('connect', `client id ${uuid}`);
  let leaving = false;
  process.on('SIGINT', () => {
    leaving = true;
    client.end();
  });

  const topic = `device/${uuid}/ping`;
  const [grant] = await client.subscribeAsync(topic, { qos: 1 });
  if (grant === undefined || grant.qos > 2)
    throw new Error(`the broker refused the subscription to ${topic}`);
  step('subscribe', topic);
  try {
    for (let sent = 1; !leaving; sent++) {
      const roundTripMs = await ping(client, topic);
      step('PING', `→ PONG after ${roundTripMs.toFixed(1)} ms`);
      if (sent === options.pings) break;
      await Bun.sleep(options.intervalSeconds * 1000);
    }
  } catch (error) {
    if (!leaving) throw error;
  }
  await client.endAsync();
  step('leave', 'disconnected');
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
