import { createTestDatabase } from '../test/test-database.ts';
import { processUsage } from './answer-parent.ts';
import { startChild } from './child.ts';
import { heading, rateRow, report, writeLine } from './report.ts';
import { knowDevices, startBrokerProcess, startSubject } from './stack.ts';
import { loadResult, tokenRequests } from './tokens.ts';

const FEW = 10;
const MANY = 10_000;
/** The same work on both sides: every one of the many devices asks for a token. */
const REQUESTS = 10_000;
const CONNECTIONS = 16;
const ROUNDS = 2;
/** Until the last-seen times are written. */
const WRITTEN_MS = 6_000;
/** Until the counters of the rate limits that are counted by device have been dropped: two windows. */
const FORGOTTEN_MS = 125_000;

/** Memory of the server with 10,000 known devices against 10, at the same time and in new processes each round. */
export async function benchMemory(databaseUrl: string): Promise<void> {
  heading(`Memory: ${MANY} known devices against ${FEW}, each server after ${REQUESTS} token requests`);
  const other = await createTestDatabase();
  const load = await startChild('http-load.ts', {});
  const sample = async (url: string, devices: number) => {
    const broker = await startBrokerProcess();
    const subject = await startSubject({ databaseUrl: url, broker: broker.ports });
    const ask = async (answers: number, requests: ReturnType<typeof tokenRequests>) => {
      const argument = { port: subject.port, requests, connections: CONNECTIONS, answers };
      const { refused } = await load.call('run', argument, loadResult);
      if (refused > 0) throw new Error(`${refused} token requests were refused`);
    };
    try {
      const requests = tokenRequests(await knowDevices(url, devices));
      await ask(REQUESTS, requests);
      await Bun.sleep(WRITTEN_MS);
      const soon = await subject.child.call('usage', undefined, processUsage);
      await Bun.sleep(FORGOTTEN_MS);
      await ask(FEW, requests.slice(0, FEW));
      return { soon, later: await subject.child.call('usage', undefined, processUsage) };
    } finally {
      await subject.child.stop();
      await broker.child.stop();
    }
  };
  try {
    const samples = { floor: [], subject: [] } as Record<
      'floor' | 'subject',
      Awaited<ReturnType<typeof sample>>[]
    >;
    for (let round = 0; round < ROUNDS; round++) {
      const [few, many] = await Promise.all([sample(other.url, FEW), sample(databaseUrl, MANY)]);
      samples.floor.push(few);
      samples.subject.push(many);
    }
    writeLine('once all of them have asked:');
    report(rateRow('resident memory, MB', samples, ({ soon }) => soon.rssBytes / 1e6));
    report(rateRow('heap after collection, MB', samples, ({ soon }) => soon.heapBytes / 1e6));
    writeLine('two minutes later, when the limits have forgotten them:');
    report(rateRow('resident memory, MB', samples, ({ later }) => later.rssBytes / 1e6));
    report(rateRow('heap after collection, MB', samples, ({ later }) => later.heapBytes / 1e6));
  } finally {
    await load.stop();
    await other.close();
  }
}
