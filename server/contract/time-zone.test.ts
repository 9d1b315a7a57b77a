import { expect, test } from 'bun:test';
import { isTimeZone } from './time-zone.ts';

test.each([
  ['Europe/Berlin', true],
  ['UTC', true],
  ['US/Pacific', true],
  ['US/Pacific-New', false],
  ['+02:00', false],
  ['Nowhere/City', false],
  ['', false],
])('%j is a time zone: %p', (name, expected) => {
  expect(isTimeZone(name)).toBe(expected);
});
