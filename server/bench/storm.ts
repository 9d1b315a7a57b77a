import { z } from 'zod';
import { systemClock } from '../src/platform/clock.ts';
import { deviceKey } from '../src/platform/secrets.ts';
import { createTokens } from '../src/tokens/token.ts';
import { processUsage } from './answer-parent.ts';
import { startChild } from './child.ts';
import { heading, rateRow, report, writeLine } from './report.ts';
import { alternate } from './rounds.ts';
import { AGENT_SECRET, JWT_SECRET, knowDevices, startBrokerProcess, startSubject } from './stack.ts';

const DEVICES = 2_000;
const ROUNDS = 5;
const TOKEN_TTL_SECONDS = 3_600;

const loadResult = z.object({ ms: z.number() });

/** A fleet that comes back together, as after a power cut: token, connect, subscribe, PING until PONG. */
export async function benchStorm(databaseUrl: string): Promise<void> {
  heading(`Reconnect storm: ${DEVICES.toLocaleString('en')} devices, token to PONG`);
  const broker = await startBrokerProcess();
  const subject = await startSubject({ databaseUrl, broker: broker.ports });
  const load = await startChild('storm-load.ts', {});
  const memoryMb: number[] = [];
  const noteMemory = async () => {
    const { rssBytes } = await subject.child.call('usage', undefined, processUsage);
    memoryMb.push(rssBytes / 1e6);
  };
  try {
    const uuids = await knowDevices(databaseUrl, DEVICES);
    const url = `mqtt://127.0.0.1:${broker.ports.mqttPort}`;
    const keys = uuids.map((uuid) => ({ uuid, credential: deviceKey(AGENT_SECRET, uuid) }));
    const tokens = await issueTokens();
    const storm = async (argument: object) => {
      const { ms } = await load.call('run', { url, ...argument }, loadResult);
      if ('server' in argument) await noteMemory();
      await load.call('leave', undefined, z.unknown());
      return ms;
    };
    await noteMemory();
    const server = `http://127.0.0.1:${subject.port}`;
    const samples = await alternate(
      ROUNDS,
      () => storm({ devices: tokens }),
      () => storm({ devices: keys, server }),
    );
    report(
      rateRow('until all are online, ms', samples, (ms) => ms),
      { atMost: 1.5 },
    );
    writeLine('floor: the same connects and subscriptions with tokens that are at hand, and no PING');
    writeLine(
      `resident memory of the server, MB, before and in each round: ${memoryMb.map(Math.round).join(' ')}`,
    );
  } finally {
    await load.stop();
    await subject.child.stop();
    await broker.child.stop();
  }
}

/** Of clients that are no devices, so that the server has nothing to do with them. */
async function issueTokens(): Promise<{ uuid: string; credential: string }[]> {
  const tokens = await createTokens({
    jwtSecret: JWT_SECRET,
    ttlSeconds: TOKEN_TTL_SECONDS,
    clock: systemClock,
  });
  return Promise.all(
    Array.from({ length: DEVICES }, async () => {
      const uuid = crypto.randomUUID();
      const acl = ['ping', 'command', 'ack', 'link'].map((name) => ({
        permission: 'allow' as const,
        action: 'all' as const,
        topic: `device/${uuid}/${name}`,
      }));
      return { uuid, credential: await tokens.issueForServer(uuid, acl, TOKEN_TTL_SECONDS) };
    }),
  );
}
