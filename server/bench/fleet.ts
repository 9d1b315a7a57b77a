import postgres from 'postgres';
import { z } from 'zod';
import { brokerStatus } from '../contract/api/broker.ts';
import { connectMqtt } from '../dev/device-session.ts';
import { startTcpProxy } from '../test/tcp-proxy.ts';
import { openApiSession } from './api-session.ts';
import { heading, report, writeLine } from './report.ts';
import { median } from './rounds.ts';
import { AGENT_SECRET, startBrokerProcess, startSubject } from './stack.ts';

const AGENTS = 9_000;
const ROUNDS = 3;
/** Time for the deletion to be under way. */
const HEAD_START_MS = 100;
const REVOCATION_AIM_MS = 1_000;
/** The limit of a request. */
const RECONCILIATION_AIM_MS = 30_000;
/** The server's pool. */
const CONNECTIONS = 10;
const RECOVERY_AIM_MS = 10_000;

type Call = Awaited<ReturnType<typeof openApiSession>>;

const tokenAnswer = z.object({ t: z.string() });
const LOOK_MS = 250;

/** How long a revocation takes beside the deletion of a large master, and the way back from a half-dead database. */
export async function benchFleet(databaseUrl: string): Promise<void> {
  heading(`fleet: a revocation beside the deletion of a master with ${AGENTS.toLocaleString('en')} agents`);
  const broker = await startBrokerProcess();
  const target = new URL(databaseUrl);
  const proxy = await startTcpProxy({ target: () => Number(target.port || 5432) });
  const proxied = new URL(databaseUrl);
  proxied.hostname = '127.0.0.1';
  proxied.port = String(proxy.port);
  const subject = await startSubject({ databaseUrl: proxied.href, broker: broker.ports });
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const call = await openApiSession(subject.port);
    const revoke = () => timeToEffect(call, subject.port, broker.ports.mqttPort);
    const alone: number[] = [];
    const beside: number[] = [];
    const reconciliations: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      await queueIsEmpty(call);
      alone.push(await revoke());
      const master = await addMaster(sql);
      await call('POST', '/broker/reconcile');
      const deletion = call('DELETE', `/devices/${master}`);
      await Bun.sleep(HEAD_START_MS);
      beside.push(await revoke());
      await deletion;
      const startedAt = performance.now();
      await call('POST', '/broker/reconcile');
      reconciliations.push(performance.now() - startedAt);
    }
    report({
      name: 'revocations/s, beside to alone',
      floor: alone.slice(1).map(rate),
      subject: beside.slice(1).map(rate),
    });
    writeAim('revoked beside the deletion', median(beside.slice(1)), REVOCATION_AIM_MS);
    writeAim('reconciled beside the queue', median(reconciliations.slice(1)), RECONCILIATION_AIM_MS);
    await queueIsEmpty(call);
    proxy.swallow();
    const startedAt = performance.now();
    await recovered(subject.port);
    writeAim('whole after a dead pool', performance.now() - startedAt, RECOVERY_AIM_MS);
    writeLine(`dead pool: its ${CONNECTIONS} connections stay open and no byte goes through them`);
  } finally {
    await sql.end();
    await subject.child.stop();
    await proxy.close();
    await broker.child.stop();
  }
}

/** Until the changes of the last deletion are applied, which go on after its answer. */
async function queueIsEmpty(call: Call): Promise<void> {
  while (brokerStatus.parse(await call('GET', '/broker')).queuedChanges > 0) await Bun.sleep(LOOK_MS);
}

/** From the request until the connection of the device ends. */
async function timeToEffect(call: Call, port: number, mqttPort: number): Promise<number> {
  const uuid = crypto.randomUUID();
  const response = await fetch(tokenUrl(port, uuid), {
    headers: { authorization: `Bearer ${AGENT_SECRET}` },
  });
  const { t: token } = tokenAnswer.parse(await response.json());
  const client = await connectMqtt(`mqtt://127.0.0.1:${mqttPort}`, {
    clientId: uuid,
    username: `${uuid}.1`,
    password: token,
  });
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  const startedAt = performance.now();
  const answered = call('POST', `/devices/${uuid}/revoke`);
  await closed;
  const elapsed = performance.now() - startedAt;
  await answered;
  return elapsed;
}

async function addMaster(sql: postgres.Sql): Promise<string> {
  const master = crypto.randomUUID();
  await sql`insert into devices (id, role, state, created_at) values (${master}, 'master', 'active', now())`;
  await sql`
    insert into devices (id, role, state, created_at, master_id)
    select gen_random_uuid(), 'agent', 'active', now(), ${master}::uuid from generate_series(1, ${AGENTS}::int)`;
  return master;
}

/** Until twice as many requests as the pool has connections are answered at once. */
async function recovered(port: number): Promise<void> {
  for (;;) {
    const answers = await Promise.all(
      Array.from({ length: 2 * CONNECTIONS }, () =>
        fetch(tokenUrl(port, crypto.randomUUID()), { headers: { authorization: `Bearer ${AGENT_SECRET}` } })
          .then(({ ok }) => ok)
          .catch(() => false),
      ),
    );
    if (answers.every(Boolean)) return;
  }
}

function tokenUrl(port: number, uuid: string): string {
  return `http://127.0.0.1:${port}/auth/devices/request?uuid=${uuid}`;
}

function rate(ms: number): number {
  return 1_000 / ms;
}

function writeAim(name: string, ms: number, aimMs: number): void {
  const verdict = ms < aimMs ? 'met' : 'missed';
  writeLine(`${name.padEnd(28)} ${ms.toFixed(0)} ms   aim < ${aimMs} ms: ${verdict}`);
}
