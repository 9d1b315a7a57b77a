import { expect, test } from 'bun:test';
import { manualClock } from '../../../test/clocks.ts';
import { createAcknowledger } from './acknowledger.ts';

function rig() {
  const clock = manualClock();
  const sent: string[] = [];
  const link = { up: true };
  const acknowledger = createAcknowledger({
    clock,
    publish(topic, payload) {
      if (link.up) sent.push(`${topic} ${payload}`);
      return link.up;
    },
  });
  acknowledger.start();
  const note = (deviceId: string, boot: number, n: number) => acknowledger.note([{ deviceId, boot, n }]);
  return { clock, sent, link, note, acknowledger };
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
