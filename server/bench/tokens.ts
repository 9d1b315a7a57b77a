import { z } from 'zod';
import { deviceKey } from '../src/platform/secrets.ts';
import { processUsage } from './answer-parent.ts';
import { type Child, startChild } from './child.ts';
import { heading, rateRow, report, writeLine } from './report.ts';
import { alternate } from './rounds.ts';
import { AGENT_SECRET, JWT_SECRET, knowDevices, startBrokerProcess, startSubject } from './stack.ts';

const DEVICES = 1_000;
const CONNECTIONS = 32;
const ROUND_MS = 3_000;
const ROUNDS = 7;

export const loadResult = z.object({ answers: z.number(), refused: z.number(), ms: z.number() });

interface Sample {
  readonly perSecond: number;
  readonly cpuMsEach: number;
}

/** Token requests of known devices, each with its own device key. */
export async function benchTokens(databaseUrl: string): Promise<void> {
  heading(`Token requests: ${DEVICES} known devices with device keys, ${CONNECTIONS} connections`);
  const broker = await startBrokerProcess();
  const subject = await startSubject({ databaseUrl, broker: broker.ports });
  const floor = await startChild('http-floor.ts', { DATABASE_URL: databaseUrl, JWT_SECRET });
  const load = await startChild('http-load.ts', {});
  try {
    const requests = tokenRequests(await knowDevices(databaseUrl, DEVICES));
    const floorPort = await floor.call('port', undefined, z.number());
    const sample = async (child: Child, port: number): Promise<Sample> => {
      const before = await child.call('usage', undefined, processUsage);
      const { answers, refused, ms } = await load.call(
        'run',
        { port, requests, connections: CONNECTIONS, durationMs: ROUND_MS },
        loadResult,
      );
      if (refused > 0) throw new Error(`${refused} of ${answers} token requests were refused`);
      const after = await child.call('usage', undefined, processUsage);
      return { perSecond: (answers / ms) * 1000, cpuMsEach: (after.cpuMs - before.cpuMs) / answers };
    };
    const samples = await alternate(
      ROUNDS,
      () => sample(floor, floorPort),
      () => sample(subject.child, subject.port),
    );
    report(
      rateRow('requests/s', samples, (each) => each.perSecond),
      { atLeast: 0.8 },
    );
    report(rateRow('processor time each, µs', samples, (each) => each.cpuMsEach * 1000));
    writeLine(
      'floor: Bun.serve with the same statement and one HMAC; neither routes, limits, checks nor logs',
    );
  } finally {
    await Promise.all([load.stop(), floor.stop(), subject.child.stop(), broker.child.stop()]);
  }
}

export function tokenRequests(uuids: readonly string[]): { path: string; credential: string }[] {
  return uuids.map((uuid) => ({
    path: `/auth/devices/request?uuid=${uuid}`,
    credential: deviceKey(AGENT_SECRET, uuid),
  }));
}
