import { expect, test } from 'bun:test';
import { manualClock } from '../../../test/clocks.ts';
import { createWindowedConsumer, type Delivery } from './windowed-consumer.ts';

const NOW = Date.UTC(2026, 0, 1);

function rig() {
  const clock = manualClock(NOW);
  const stored: Delivery[] = [];
  const consumer = createWindowedConsumer({
    clock,
    store: async (batch) => void stored.push(...batch),
    link: { acknowledge() {}, pause() {}, resume() {} },
    onFailed(error) {
      throw error;
    },
  });
  return {
    clock,
    stored,
    push: () =>
      consumer.push({
        cmd: 'publish',
        topic: 'device/a/data',
        payload: '{}',
        qos: 0,
        dup: false,
        retain: false,
      }),
  };
}

test('messages of one millisecond keep their order by the time of receipt', () => {
  const { clock, stored, push } = rig();
  for (let n = 0; n < 3; n++) push();
  clock.advance(10);
  expect(stored.map(({ receivedUs }) => receivedUs - NOW * 1_000)).toEqual([0, 1, 2]);
});

test('a clock that was ahead and is set right is followed', () => {
  const { clock, stored, push } = rig();
  clock.step(13 * 3_600_000);
  push();
  clock.step(-13 * 3_600_000);
  push();
  push();
  clock.advance(10);
  expect(stored.slice(1).map(({ receivedUs }) => receivedUs - NOW * 1_000)).toEqual([0, 1]);
});
