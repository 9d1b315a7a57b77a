import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { z } from 'zod';
import { type Child, startChild } from './child.ts';

export const JWT_SECRET = randomBytes(32).toString('hex');
export const AGENT_SECRET = randomBytes(24).toString('hex');
const MASTER_SECRET = randomBytes(24).toString('hex');
export const API_KEY = 'simple-iot-server';
export const API_SECRET = randomBytes(24).toString('hex');
/** First operator of the servers that are measured. */
export const ADMIN = { username: 'bench', password: randomBytes(24).toString('hex') } as const;

export const brokerPorts = z.object({ mqttPort: z.number(), serverUrl: z.string(), apiUrl: z.string() });

/** The development broker, in a process of its own. */
export async function startBrokerProcess(): Promise<{ child: Child; ports: z.output<typeof brokerPorts> }> {
  const child = await startChild('broker.ts', { EMQX_API_KEY: API_KEY, MQTT_SECRET_KEY: API_SECRET });
  return { child, ports: await child.call('ports', undefined, brokerPorts) };
}

interface ServerOptions {
  readonly databaseUrl: string;
  /** Without one the server runs as it does while its broker is down. */
  readonly broker?: z.output<typeof brokerPorts>;
}

/** The server as in production, but for rate limits that one load generator would hit. Resolves when it issues tokens. */
export async function startSubject(options: ServerOptions): Promise<{ child: Child; port: number }> {
  const port = freePort();
  const child = await startChild(
    'subject.ts',
    {
      PORT: String(port),
      DATABASE_URL: options.databaseUrl,
      JWT_SECRET,
      DEVICE_MASTER_SECRET_KEY: MASTER_SECRET,
      DEVICE_AGENT_SECRET_KEY: AGENT_SECRET,
      MQTT_URL: options.broker?.serverUrl ?? 'mqtt://127.0.0.1:9',
      MQTT_HOST: 'gateway.example.net:1883',
      EMQX_API_URL: options.broker?.apiUrl ?? 'http://127.0.0.1:9/api/v5',
      EMQX_API_KEY: API_KEY,
      MQTT_SECRET_KEY: API_SECRET,
      INSTANCE_ID: 'bench',
      LOG_FORMAT: 'json',
      ADMIN_USERNAME: ADMIN.username,
      ADMIN_PASSWORD: ADMIN.password,
      RATE_LIMIT_DEVICE: '1000000',
      RATE_LIMIT_ADDRESS: '100000000',
    },
    process.env.BENCH_PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${process.env.BENCH_PROFILE}`] : [],
  );
  const until = performance.now() + 30_000;
  for (;;) {
    const ready = await readiness(port);
    const checks = options.broker ? Object.values(ready) : [ready.database];
    if (checks.length > 0 && checks.every((state) => state === 'ok')) return { child, port };
    if (performance.now() > until) throw new Error(`the server is not ready: ${JSON.stringify(ready)}`);
    await Bun.sleep(50);
  }
}

const readinessAnswer = z.object({ checks: z.record(z.string(), z.string()) });

async function readiness(port: number): Promise<Readonly<Record<string, string>>> {
  const answer = await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined);
  return answer ? readinessAnswer.parse(await answer.json()).checks : {};
}

/** The session cookie of the first operator. */
export async function signIn(port: number): Promise<string> {
  const origin = `http://127.0.0.1:${port}`;
  const answer = await fetch(`${origin}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify(ADMIN),
  });
  const [cookie] = answer.headers.getSetCookie();
  if (!answer.ok || !cookie) throw new Error(`sign-in was answered ${answer.status}`);
  return cookie.split(';')[0] ?? '';
}

/** Leaves just `count` devices in the database, and returns their ids. */
export async function knowDevices(databaseUrl: string, count: number): Promise<string[]> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    await sql`delete from devices`;
    const ids = Array.from({ length: count }, () => crypto.randomUUID());
    await sql`
      insert into devices (id, role, state, created_at)
      select id, 'agent', 'active', now() from unnest(${sql.array(ids)}::uuid[]) as given (id)`;
    await sql`analyze devices`;
    return ids;
  } finally {
    await sql.end();
  }
}

function freePort(): number {
  const probe = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  probe.stop();
  return probe.port;
}
