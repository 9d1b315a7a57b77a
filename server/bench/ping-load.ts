/** Devices that send PINGs and wait for their PONGs, each over a connection of its own. */
import type { MqttClient } from 'mqtt';
import { z } from 'zod';
import { PING } from '../contract/messages.ts';
import { pingTopic } from '../contract/topics.ts';
import { connectMqtt } from '../dev/device-session.ts';
import { answerParent } from './answer-parent.ts';
import { quantile } from './rounds.ts';

const connectArgument = z.object({
  url: z.string(),
  devices: z.array(z.object({ uuid: z.string(), token: z.string() })),
});

const runArgument = z.object({
  /** First level of the topics: `device` is answered by the server, `floor` by the floor. */
  prefix: z.enum(['device', 'floor']),
  durationMs: z.number(),
  /** PINGs a second of all devices together; without it each sends its next one when it has the PONG. */
  perSecond: z.number().optional(),
});

interface Device {
  readonly uuid: string;
  readonly client: MqttClient;
  /** When the PINGs without a PONG yet were due, oldest first. */
  readonly waiting: number[];
  onPong: () => void;
}

const SETTLE_MS = 2_000;
let devices: Device[] = [];

async function connect(argument: unknown): Promise<void> {
  const { url, devices: given } = connectArgument.parse(argument);
  devices = await Promise.all(
    given.map(async ({ uuid, token }) => {
      const client = await connectMqtt(url, { clientId: uuid, username: uuid, password: token });
      const device: Device = { uuid, client, waiting: [], onPong: () => {} };
      client.on('message', () => device.onPong());
      await client.subscribeAsync([pingTopic(uuid), `floor/${uuid}/ping`]);
      return device;
    }),
  );
}

async function run(argument: unknown) {
  const { prefix, durationMs, perSecond } = runArgument.parse(argument);
  const roundTripsMs: number[] = [];
  const startedAt = performance.now();
  const endsAt = startedAt + durationMs;
  const closedLoop = perSecond === undefined;

  function send(device: Device, dueAt: number): void {
    device.waiting.push(dueAt);
    device.client.publish(`${prefix}/${device.uuid}/ping`, PING);
  }
  for (const device of devices) {
    device.onPong = () => {
      const now = performance.now();
      roundTripsMs.push(now - (device.waiting.shift() ?? now));
      if (closedLoop && now < endsAt) send(device, now);
    };
  }

  if (closedLoop) {
    for (const device of devices) send(device, startedAt);
    await Bun.sleep(durationMs);
  } else {
    let sent = 0;
    for (let now = startedAt; now < endsAt; now = performance.now()) {
      for (let dueAt = startedAt + (sent / perSecond) * 1000; dueAt <= now; sent++) {
        const device = devices[sent % devices.length];
        if (device) send(device, dueAt);
        dueAt = startedAt + ((sent + 1) / perSecond) * 1000;
      }
      await Bun.sleep(1);
    }
  }
  const ms = performance.now() - startedAt;
  const answered = roundTripsMs.length;

  const settledBy = performance.now() + SETTLE_MS;
  while (devices.some(({ waiting }) => waiting.length > 0) && performance.now() < settledBy)
    await Bun.sleep(5);
  const lost = devices.reduce((sum, { waiting }) => sum + waiting.splice(0).length, 0);
  roundTripsMs.sort((a, b) => a - b);
  return { answered, lost, ms, p50Ms: quantile(roundTripsMs, 0.5), p99Ms: quantile(roundTripsMs, 0.99) };
}

answerParent({ connect, run });
