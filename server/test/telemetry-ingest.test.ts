import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { until } from './harness.ts';
import { type Instance, startTelemetryRig, type TelemetryRig } from './telemetry-rig.ts';

let rig: TelemetryRig;
let instance: Instance;

beforeAll(async () => {
  rig = await startTelemetryRig();
  instance = await rig.start();
  await instance.online();
}, 60_000);
afterAll(() => rig.close(), 30_000);

function stored(deviceId: string, count: number): Promise<void> {
  return until(`${count} messages of the device are dealt with`, async () => {
    const account = await rig.account(deviceId);
    return account !== undefined && account.stored + account.repeated + account.rejected >= count;
  });
}

describe('ingest', () => {
  test('what a device sends is stored as it was sent, in order', async () => {
    const id = randomUUID();
    const client = await rig.publisher();
    const bodies = Array.from({ length: 2_500 }, (_, i) => ({ temp: 20.5 + i, on: true, text: `"ü\\{},'` }));
    await rig.send(client, id, bodies);
    await stored(id, bodies.length);
    expect(await rig.records(id)).toEqual(bodies);
    expect(await rig.account(id)).toEqual({ stored: 2_500, lost: 0, repeated: 0, rejected: 0 });
  });
});
