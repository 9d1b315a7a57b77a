import type { MqttClient } from 'mqtt';
import type { AlertRule } from '../contract/api/alert-rules.ts';
import type { Alert } from '../contract/api/alerts.ts';
import { callApi, createApiKey } from './devices.ts';
import { connectDevice, registerDevice, type Stack, type TestDevice, until } from './harness.ts';

/** Calls about alerts, as an administrator, and a device that sends records. */
export interface AlertRig {
  readonly stack: Stack;
  readonly key: string;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  addRule(rule: Readonly<Record<string, unknown>>): Promise<AlertRule>;
  /** Alerts of a filter, newest first. */
  alerts(query: Readonly<Record<string, string>>): Promise<Alert[]>;
  /** Waits until a device has alerts in these states, newest first. */
  alertsAre(device: string, states: readonly Alert['state'][], rule?: string): Promise<Alert[]>;
  startDevice(): Promise<SendingDevice>;
  /** Waits until as many records of a device are stored. */
  stored(device: string, records: number): Promise<void>;
  close(): void;
}

export interface SendingDevice extends TestDevice {
  readonly client: MqttClient;
  /** Sends a record and waits until it is stored. */
  send(record: Readonly<Record<string, unknown>>): Promise<void>;
}

export async function startAlertRig(stack: Stack): Promise<AlertRig> {
  const key = await createApiKey(stack, 'admin');
  const clients: MqttClient[] = [];

  const rig: AlertRig = {
    stack,
    key,
    call(method, path, body, headers = {}) {
      return callApi(stack, key, method, path, {
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    },
    async addRule(rule) {
      const response = await rig.call('POST', '/alert-rules', {
        name: 'a rule',
        scope: { kind: 'all' },
        ...rule,
      });
      if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
      return (await response.json()) as AlertRule;
    },
    async alerts(query) {
      const response = await rig.call('GET', `/alerts?${new URLSearchParams(query)}`);
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
      return ((await response.json()) as { items: Alert[] }).items;
    },
    async alertsAre(device, states, rule) {
      let found: Alert[] = [];
      await until(
        () => `alerts ${states.join()}: ${JSON.stringify(found.map(({ state }) => state))}`,
        async () => {
          found = await rig.alerts({ device, ...(rule === undefined ? {} : { rule }) });
          return found.map(({ state }) => state).join() === states.join();
        },
      );
      return found;
    },
    async startDevice() {
      const device = await registerDevice(stack.url);
      const client = await connectDevice(stack.broker.mqttUrl, device);
      clients.push(client);
      let sent = 0;
      return {
        ...device,
        client,
        async send(record) {
          await client.publishAsync(`device/${device.uuid}/data`, JSON.stringify(record), { qos: 1 });
          await rig.stored(device.uuid, ++sent);
        },
      };
    },
    stored: (device, records) =>
      until(`${records} records are stored`, async () => {
        const [row] = await stack.sql`select stored::int from telemetry_devices where device_id = ${device}`;
        return row?.stored >= records;
      }),
    close() {
      for (const client of clients) client.end(true);
    },
  };
  return rig;
}

/** Lets the timers of a rule pass. */
export async function passTime({ stack }: AlertRig, rule: string): Promise<void> {
  await stack.sql`update alert_states set due_at = now() where rule_id = ${rule} and due_at is not null`;
}

export const above = (value: number, more: Readonly<Record<string, unknown>> = {}) => ({
  kind: 'threshold',
  field: 'temperature',
  direction: 'above',
  value,
  ...more,
});
