import { expect } from 'bun:test';
import {
  type AlertDelivery,
  type AlertNotification,
  alertDeliveryPage,
  alertNotification,
} from '../contract/api/alert-channels.ts';
import type { AlertRule } from '../contract/api/alert-rules.ts';
import { addChannel, type CreatedChannel, type Receiver, startReceiver } from './alert-receiver.ts';
import { type AlertRig, above, type SendingDevice, startAlertRig } from './alerts.ts';
import { hastyClock } from './clocks.ts';
import { startStack, until } from './harness.ts';

export const METRICS_TOKEN = 'metrics-token-0123456789';

/** Alerts that are delivered to a receiver of the test's own. */
export interface DeliveryRig extends AlertRig {
  readonly receiver: Receiver;
  /** A receiver with its channel, and a device for which a rule tells that channel. */
  setUp(more?: Readonly<Record<string, unknown>>): Promise<{
    readonly channel: CreatedChannel;
    readonly device: SendingDevice;
    readonly rule: AlertRule;
  }>;
  fire(device: SendingDevice): Promise<void>;
  /** Enables a channel, or disables it. */
  enable(channel: string, enabled: boolean): Promise<void>;
  notifications(): AlertNotification[];
  deliveriesOf(channel: string): Promise<AlertDelivery[]>;
  /** Waits until the messages of a channel are in these states, newest first, and none of them is being sent. */
  deliveriesAre(channel: string, expected: readonly string[]): Promise<AlertDelivery[]>;
  /** Waits until the courier has looked at what waits, twice. */
  looksPass(): Promise<void>;
  /** Removes rules, channels and alerts, and starts a new receiver. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

export async function startDeliveryRig(): Promise<DeliveryRig> {
  const env = { ALERT_PRIVATE_ADDRESSES: 'true', METRICS_TOKEN };
  const base = await startAlertRig(await startStack({ clock: hastyClock(), env }));
  const { sql } = base.stack;
  let receiver = startReceiver();

  const rig: DeliveryRig = {
    ...base,
    get receiver() {
      return receiver;
    },
    async setUp(more = {}) {
      const channel = await addChannel(rig, { kind: 'webhook', url: `${receiver.url}/hook` });
      const device = await rig.startDevice();
      const scope = { kind: 'device', device: device.uuid };
      const rule = await rig.addRule({
        name: 'too warm',
        scope,
        condition: above(30),
        channels: [channel.id],
        ...more,
      });
      return { channel, device, rule };
    },
    async fire(device) {
      await device.send({ temperature: 31 });
      await rig.alertsAre(device.uuid, ['firing']);
    },
    async enable(channel, enabled) {
      const response = await rig.call('PATCH', `/alert-channels/${channel}`, { enabled });
      expect(response.status).toBe(200);
    },
    notifications: () =>
      receiver.requests.map(({ body }) => alertNotification.strict().parse(JSON.parse(body))),
    async deliveriesOf(channel) {
      const response = await rig.call('GET', `/alert-channels/${channel}/deliveries`);
      expect(response.status).toBe(200);
      return alertDeliveryPage.parse(await response.json()).items;
    },
    async deliveriesAre(channel, expected) {
      let found: AlertDelivery[] = [];
      await until(
        () => `deliveries ${expected.join()}: ${JSON.stringify(found)}`,
        async () => {
          found = await rig.deliveriesOf(channel);
          const sent = await sql`
            select from alert_messages where channel_id = ${channel} and claimed_until is not null`;
          const states = found.map(({ state, attempts }) => `${state} ${attempts}`);
          return sent.length === 0 && states.join() === expected.join();
        },
      );
      return await rig.deliveriesOf(channel);
    },
    async looksPass() {
      const marker = await addChannel(rig, { kind: 'webhook', url: `${receiver.url}/marker` }, 'marker');
      const markers = () => receiver.requests.filter(({ path }) => path === '/marker').length;
      for (const round of [1, 2]) {
        await sql`
          insert into alert_messages (id, channel_id, content, title, alerts)
          values (${`marker ${round} ${marker.id}`}, ${marker.id}, '{}', 'marker', 0)`;
        await until('the courier looks', () => markers() >= round);
      }
      const others = receiver.requests.filter(({ path }) => path !== '/marker');
      receiver.requests.splice(0, receiver.requests.length, ...others);
    },
    async clear() {
      await sql`delete from alert_rules`;
      await sql`update alert_rule_book set revision = revision + 1`;
      await sql`delete from alert_channels`;
      await sql`delete from alerts`;
      await receiver.close();
      receiver = startReceiver();
    },
    async stop() {
      rig.close();
      await receiver.close();
      await rig.stack.close();
    },
  };
  return rig;
}
