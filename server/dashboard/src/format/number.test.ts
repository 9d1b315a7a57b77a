import { describe, expect, test } from 'bun:test';
import { axisValue, measured } from './number.ts';

describe('a measured value', () => {
  test('that is whole has all its digits, as a counter needs them', () => {
    expect(measured(1_234_567)).toBe('1,234,567');
    expect(measured(-40)).toBe('-40');
    expect(measured(0)).toBe('0');
  });

  test('that is not has five digits, and no fewer than its whole part', () => {
    expect(measured(21.37456)).toBe('21.375');
    expect(measured(0.000123456)).toBe('0.00012346');
    expect(measured(1_234_567.8)).toBe('1,234,568');
  });

  test('that is huge or tiny stays short', () => {
    expect(measured(1e300)).toBe('1E300');
    expect(measured(-6.02214e23)).toBe('-6.0221E23');
    expect(measured(5e-324)).toBe('5E-324');
  });
});

describe('the values of an axis', () => {
  test('differ where the values of a chart are close together', () => {
    expect([1013.2, 1013.25, 1013.3].map((value) => axisValue(value, 0.05))).toEqual([
      '1,013.2',
      '1,013.25',
      '1,013.3',
    ]);
    expect([1_700_000_000, 1_700_000_025].map((value) => axisValue(value, 25))).toEqual([
      '1,700,000,000',
      '1,700,000,025',
    ]);
  });

  test('have no digits that are errors of the arithmetic', () => {
    expect(axisValue(0.1 + 0.2, 0.1)).toBe('0.3');
    expect(axisValue(1e300, 1e299)).toBe('1E300');
  });
});
