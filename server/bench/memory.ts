import { processUsage } from './answer-parent.ts';
import { startChild } from './child.ts';
import { heading, rateRow, report, writeLine } from './report.ts';
import { alternate } from './rounds.ts';
import { knowDevices, startBrokerProcess, startSubject } from './stack.ts';
import { loadResult, tokenRequests } from './tokens.ts';

const FEW = 10;
const MANY = 10_000;
/** The same work on both sides: every one of the many devices asks for a token. */
const REQUESTS = 10_000;
const CONNECTIONS = 16;
const ROUNDS = 5;
/** Until the last-seen times are written. */
const SETTLE_MS = 6_000;

/** Memory of the server with 10,000 known devices against 10, each time in a new process. */
export async function benchMemory(databaseUrl: string): Promise<void> {
  heading(`Memory: ${MANY} known devices against ${FEW}, after ${REQUESTS} token requests`);
  const broker = await startBrokerProcess();
  const load = await startChild('http-load.ts', {});
  try {
    const sample = async (devices: number) => {
      const subject = await startSubject({ databaseUrl, broker: broker.ports });
      try {
        const requests = tokenRequests(await knowDevices(databaseUrl, devices));
        const { refused } = await load.call(
          'run',
          { port: subject.port, requests, connections: CONNECTIONS, answers: REQUESTS },
          loadResult,
        );
        if (refused > 0) throw new Error(`${refused} token requests were refused`);
        await Bun.sleep(SETTLE_MS);
        return await subject.child.call('usage', undefined, processUsage);
      } finally {
        await subject.child.stop();
      }
    };
    const samples = await alternate(
      ROUNDS,
      () => sample(FEW),
      () => sample(MANY),
    );
    report(rateRow('resident memory, MB', samples, (each) => each.rssBytes / 1e6));
    report(rateRow('heap after collection, MB', samples, (each) => each.heapBytes / 1e6));
    writeLine('aim: no difference beyond noise. What the many leave is their counters of the rate limits,');
    writeLine('which are dropped within two minutes');
  } finally {
    await load.stop();
    await broker.child.stop();
  }
}
