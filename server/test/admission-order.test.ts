import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { MqttClient } from 'mqtt';
import { dataTopic } from '../contract/topics.ts';
import type { Broker } from '../src/broker/broker.ts';
import { type BrokerRig, startBrokerRig } from './broker-rig.ts';
import { shiftedClock } from './clocks.ts';
import { connectMqtt, until } from './harness.ts';

const SESSION = { clientId: 'server-records', filters: [dataTopic('+')] };
const LIMIT_MS = 20_000;

let clock: ReturnType<typeof shiftedClock>;
let rig: BrokerRig;
/** Provisions an empty broker, which has to hold the session before devices are let in. */
let instance: Broker;

beforeEach(async () => {
  clock = shiftedClock();
  rig = await startBrokerRig({ clock });
  await rig.instance.close();
  await rig.stopBroker();
  await rig.startBroker();
  instance = rig.addInstance([SESSION]);
}, 60_000);
afterEach(() => rig.close(), 30_000);

async function read(path: string): Promise<Record<string, unknown>[]> {
  const authorization = `Basic ${btoa('simple-iot-server:api-secret-0123456789')}`;
  const answer = await fetch(`${rig.dev.apiUrl}${path}`, { headers: { authorization } });
  return (await answer.json()) as Record<string, unknown>[];
}

/** From then on the server's sessions are let in. */
const provisioned = () =>
  until('the authenticator is there', async () =>
    (await read('/authentication')).some(({ mechanism }) => mechanism === 'jwt'),
  );

async function isOpen(): Promise<boolean> {
  const listeners = await read('/listeners');
  return listeners.some(({ id, running, status }) => {
    const runs = (status as { running?: boolean } | undefined)?.running ?? running;
    return id === 'tcp:default' && runs === true;
  });
}

const reconciled = () => until('the run has ended', () => instance.reconciler.status().state === 'ok');

async function connectSession(): Promise<MqttClient> {
  const { clientId } = SESSION;
  const acl = [{ permission: 'allow', action: 'subscribe', topic: dataTopic('+') } as const];
  const password = await rig.tokens.issueForServer(clientId, acl, 3_600);
  return await connectMqtt(rig.dev.serverUrl, { clientId, username: clientId, password, clean: false });
}

test('devices are let in once the session is there with its subscriptions', async () => {
  await provisioned();
  const session = await connectSession();
  expect(await isOpen()).toBe(false);
  expect(instance.reconciler.status().state).toBe('never');
  await session.subscribeAsync(SESSION.filters, { qos: 1 });
  await reconciled();
  expect(await isOpen()).toBe(true);
  expect(instance.reconciler.status().report?.warnings).toEqual([]);
  const device = await rig.connect(await rig.addDevice('agent'));
  expect(device.connected).toBe(true);
  session.end(true);
}, 30_000);

test('a session whose holder is away is enough: it keeps what devices send', async () => {
  await provisioned();
  const session = await connectSession();
  await session.subscribeAsync(SESSION.filters, { qos: 1 });
  await session.endAsync();
  await reconciled();
  expect(await isOpen()).toBe(true);
}, 30_000);

test('when the session does not come in time, devices are let in with a warning', async () => {
  await provisioned();
  clock.shift(LIMIT_MS - 5_000);
  expect(await isOpen()).toBe(false);
  await until('the run has ended', () => {
    clock.shift(1_000);
    return instance.reconciler.status().state === 'ok';
  });
  expect(await isOpen()).toBe(true);
  expect(instance.reconciler.status().report?.warnings).toEqual([
    `devices were admitted without the session ${SESSION.clientId}: what they send is not kept`,
  ]);
}, 30_000);

test('a broker that comes back empty while the session is waited for stays closed', async () => {
  await provisioned();
  await rig.stopBroker();
  await rig.startBroker();
  clock.shift(LIMIT_MS);
  await provisioned();
  expect(await isOpen()).toBe(false);
  const session = await connectSession();
  await session.subscribeAsync(SESSION.filters, { qos: 1 });
  await reconciled();
  expect(await isOpen()).toBe(true);
  session.end(true);
}, 30_000);

test('a listener that is open stays open without the session', async () => {
  await provisioned();
  const session = await connectSession();
  await session.subscribeAsync(SESSION.filters, { qos: 1 });
  await reconciled();
  session.end(true);
  rig.dev.killSession(SESSION.clientId);
  const status = await instance.reconciler.runNow('test');
  expect(status).toMatchObject({ state: 'ok', report: { warnings: [], differences: [] } });
  expect(await isOpen()).toBe(true);
}, 30_000);
