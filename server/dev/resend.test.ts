import { expect, test } from 'bun:test';
import { manualClock } from '../test/clocks.ts';
import { createResend } from './resend.ts';

const MINUTE_MS = 60_000;

function rig(fraction = 0) {
  const clock = manualClock();
  const due: number[] = [];
  const resend = createResend({
    clock,
    random: { fraction: () => fraction, bytes: (length) => new Uint8Array(length) },
    onDue: () => due.push((clock.now() - clock.startedAt) / 1_000),
  });
  return { clock, due, resend };
}

test('records are sent again after 30 s without an acknowledgement, then after twice as long each time, up to 15 minutes', () => {
  const { clock, due, resend } = rig();
  resend.sent();
  clock.advance(60 * MINUTE_MS);
  expect(due).toEqual([30, 90, 210, 450, 930, 1_830, 2_730]);
});

test('the wait is up to a quarter longer', () => {
  const { clock, due, resend } = rig(0.5);
  resend.sent();
  clock.advance(2 * MINUTE_MS);
  expect(due).toEqual([33.75, 101.25]);
});

test('more records do not put it off, acknowledgements do', () => {
  const { clock, due, resend } = rig();
  resend.sent();
  clock.advance(20_000);
  resend.sent();
  clock.advance(10_000);
  expect(due).toEqual([30]);
  resend.progressed(1);
  clock.advance(29_000);
  expect(due).toEqual([30]);
  clock.advance(1_000);
  expect(due).toEqual([30, 60]);
});

test('nothing is sent when all is acknowledged or the connection has ended', () => {
  const { clock, due, resend } = rig();
  resend.sent();
  resend.progressed(0);
  expect(clock.pending()).toBe(0);
  resend.sent();
  resend.stop();
  clock.advance(60 * MINUTE_MS);
  expect(due).toEqual([]);
  expect(clock.pending()).toBe(0);
});
