import { z } from 'zod';
import { systemClock } from '../src/platform/clock.ts';
import { type AclEntry, createTokens } from '../src/tokens/token.ts';
import { processUsage } from './answer-parent.ts';
import { type Child, startChild } from './child.ts';
import { heading, rateRow, report, writeLine } from './report.ts';
import { alternate } from './rounds.ts';
import { JWT_SECRET, startBrokerProcess, startSubject } from './stack.ts';

const DEVICES = 50;
const ROUND_MS = 3_000;
const ROUNDS = 7;
const FIXED_PER_SECOND = 500;
const TOKEN_TTL_SECONDS = 3_600;

const loadResult = z.object({
  answered: z.number(),
  lost: z.number(),
  ms: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
});

/** PING and PONG through the broker, the devices sending as fast as they are answered and then at a fixed rate. */
export async function benchPing(databaseUrl: string): Promise<void> {
  heading(`PING → PONG: ${DEVICES} devices, QoS 0, development broker`);
  const broker = await startBrokerProcess();
  const subject = await startSubject({ databaseUrl, broker: broker.ports });
  const tokens = await createTokens({
    jwtSecret: JWT_SECRET,
    ttlSeconds: TOKEN_TTL_SECONDS,
    clock: systemClock,
  });
  const token = (id: string, topics: readonly string[]) =>
    tokens.issueForServer(id, topics.map(allow), TOKEN_TTL_SECONDS);
  const floor = await startChild('echo-floor.ts', {
    MQTT_URL: broker.ports.serverUrl,
    TOKEN: await token('echo-floor', ['floor/+/ping', '/floor/+/ping']),
  });
  const load = await startChild('ping-load.ts', {});
  try {
    const uuids = Array.from({ length: DEVICES }, () => crypto.randomUUID());
    const devices = await Promise.all(
      uuids.map(async (uuid) => ({ uuid, token: await token(uuid, [`floor/${uuid}/ping`]) })),
    );
    const url = `mqtt://127.0.0.1:${broker.ports.mqttPort}`;
    await load.call('connect', { url, devices }, z.unknown());

    const sample = async (child: Child, prefix: string, perSecond?: number) => {
      const before = await child.call('usage', undefined, processUsage);
      const result = await load.call('run', { prefix, durationMs: ROUND_MS, perSecond }, loadResult);
      const after = await child.call('usage', undefined, processUsage);
      if (result.lost > 0) throw new Error(`${result.lost} PINGs to ${prefix} were not answered`);
      return { ...result, cpuMsEach: (after.cpuMs - before.cpuMs) / result.answered };
    };
    const measure = (perSecond?: number) =>
      alternate(
        ROUNDS,
        () => sample(floor, 'floor', perSecond),
        () => sample(subject.child, 'device', perSecond),
      );

    const closedLoop = await measure();
    report(
      rateRow('PONGs/s', closedLoop, (each) => (each.answered / each.ms) * 1000),
      { atLeast: 0.9 },
    );
    report(rateRow('p50, ms', closedLoop, (each) => each.p50Ms));
    report(rateRow('p99, ms', closedLoop, (each) => each.p99Ms));
    report(rateRow('processor time each, µs', closedLoop, (each) => each.cpuMsEach * 1000));
    writeLine(`at ${FIXED_PER_SECOND} PINGs/s`);
    const fixedRate = await measure(FIXED_PER_SECOND);
    report(rateRow('p50, ms', fixedRate, (each) => each.p50Ms));
    report(rateRow('p99, ms', fixedRate, (each) => each.p99Ms));
    writeLine('floor: an mqtt.js client with the same kind of shared subscriptions that echoes a PONG');
  } finally {
    await Promise.all([load.stop(), floor.stop(), subject.child.stop()]);
    await broker.child.stop();
  }
}

function allow(topic: string): AclEntry {
  return { permission: 'allow', action: 'all', topic };
}
