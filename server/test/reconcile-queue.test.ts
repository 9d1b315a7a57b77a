import { afterEach, beforeEach, expect, test } from 'bun:test';
import { type BrokerRig, startBrokerRig } from './broker-rig.ts';
import { until } from './harness.ts';

const AGENTS = 20;

let rig: BrokerRig;
/** A master whose agents were unpaired while the broker could not take away their rules. */
let agents: string[];

const waiting = async () => (await rig.database.sql`select from broker_changes`).length;

async function rest(method: string, path: string): Promise<unknown> {
  const authorization = `Basic ${btoa('simple-iot-server:api-secret-0123456789')}`;
  const answer = await fetch(`${rig.dev.apiUrl}${path}`, { method, headers: { authorization } });
  const text = await answer.text();
  return text === '' ? undefined : JSON.parse(text);
}

async function isOpen(): Promise<boolean> {
  const listeners = (await rest('GET', '/listeners')) as { id: string; status: { running: boolean } }[];
  return listeners.some(({ id, status }) => id === 'tcp:default' && status.running);
}

beforeEach(async () => {
  rig = await startBrokerRig();
  const master = await rig.addDevice('master');
  agents = await Promise.all(Array.from({ length: AGENTS }, () => rig.addDevice('agent', master)));
  await rig.instance.reconciler.runNow('test');
  rig.dev.failApi(500, (method, path) => method === 'DELETE' && agents.some((id) => path.includes(id)));
  const receipt = await rig.change(`update devices set master_id = null where master_id = '${master}'`, [
    ...agents,
    master,
  ]);
  expect(receipt.status).toBe('queued');
}, 60_000);
afterEach(() => rig.close(), 30_000);

test('a run leaves devices whose change is queued to the queue, and does not fail for them', async () => {
  const { state, report } = await rig.instance.reconciler.runNow('operator');
  expect(state).toBe('ok');
  expect(report?.devices.rulesRemoved).toBe(0);
  rig.dev.failApi(null);
  await until('the queue is empty', async () => (await waiting()) === 0);
  const after = await rig.instance.reconciler.runNow('operator');
  expect(after.report?.devices).toMatchObject({ rulesRemoved: 0, rulesReplaced: 0 });
}, 60_000);

test('before devices are let in, a run takes the rights of former pairs away itself', async () => {
  await rest('POST', '/listeners/tcp:default/stop');
  expect(await rig.instance.reconciler.runNow('operator')).toMatchObject({ state: 'failed' });
  expect(await isOpen()).toBe(false);
  rig.dev.failApi(null);
  await rig.instance.reconciler.runNow('operator');
  expect(await isOpen()).toBe(true);
}, 60_000);
