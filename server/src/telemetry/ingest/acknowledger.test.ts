import { expect, test } from 'bun:test';
import { manualClock } from '../../../test/clocks.ts';
import { createAcknowledger } from './acknowledger.ts';

function rig() {
  const clock = manualClock();
  const sent: string[] = [];
  const sentAt: number[] = [];
  const link = { up: true };
  const acknowledger = createAcknowledger({
    clock,
    publish(topic, payload) {
      if (link.up) {
        sent.push(`${topic} ${payload}`);
        sentAt.push(clock.monotonic());
      }
      return link.up;
    },
  });
  acknowledger.start();
  const note = (deviceId: string, boot: number, n: number) => acknowledger.note([{ deviceId, boot, n }]);
  return { clock, sent, sentAt, link, note, acknowledger };
}

test('a device is told at once, and then at most once a second', () => {
  const { clock, sent, note } = rig();
  for (let n = 1; n <= 100; n++) note('a', 7, n);
  expect(sent).toEqual(['device/a/ack {"b":7,"n":1}']);
  clock.advance(1_000);
  expect(sent).toEqual(['device/a/ack {"b":7,"n":1}', 'device/a/ack {"b":7,"n":100}']);
  clock.advance(10_000);
  expect(sent).toHaveLength(2);
});

test.each([1, 249, 250, 500, 900, 999])(
  'a device is told at most once a second, whenever the first time is (%d ms after the start)',
  (firstMs) => {
    const { clock, sentAt, note } = rig();
    clock.advance(firstMs);
    for (let n = 1; n <= 4_000; n++) {
      note('a', 7, n);
      clock.advance(1);
    }
    const waits = sentAt.slice(1).map((at, index) => at - (sentAt[index] ?? 0));
    expect(sentAt[0]).toBe(firstMs);
    expect(waits.length).toBeGreaterThanOrEqual(3);
    for (const wait of waits) expect(wait).toBeWithin(1_000, 1_251);
  },
);

test('a device is told at once again after a second, whatever the timer says', () => {
  const { clock, sent, note } = rig();
  clock.advance(100);
  note('a', 7, 1);
  clock.advance(1_000);
  note('a', 7, 2);
  expect(sent).toHaveLength(2);
});

test('one device does not wait for another', () => {
  const { sent, note } = rig();
  note('a', 7, 1);
  note('b', 7, 1);
  expect(sent).toEqual(['device/a/ack {"b":7,"n":1}', 'device/b/ack {"b":7,"n":1}']);
});

test('of two boots each is told, a second apart', () => {
  const { clock, sent, note } = rig();
  note('a', 7, 1);
  note('a', 7, 2);
  note('a', 8, 1);
  clock.advance(1_000);
  clock.advance(1_000);
  expect(sent.slice(1)).toEqual(['device/a/ack {"b":7,"n":2}', 'device/a/ack {"b":8,"n":1}']);
});

test('of a device that makes up boots only the newest wait', () => {
  const { clock, sent, note } = rig();
  for (let boot = 1; boot <= 10_000; boot++) note('a', boot, 1);
  clock.advance(200_000);
  expect(sent).toHaveLength(65);
  expect(sent.at(-1)).toBe('device/a/ack {"b":10000,"n":1}');
});

test('what could not be sent is sent when the session is up', () => {
  const { clock, sent, link, note } = rig();
  link.up = false;
  note('a', 7, 5);
  clock.advance(3_000);
  link.up = true;
  clock.advance(1_000);
  expect(sent).toEqual(['device/a/ack {"b":7,"n":5}']);
});

test('closed, it keeps no timer', () => {
  const { clock, acknowledger } = rig();
  acknowledger.close();
  expect(clock.pending()).toBe(0);
});
