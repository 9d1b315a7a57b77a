import { describe, expect, test } from 'bun:test';
import type { AlertRule } from '../../api/alert-rules.ts';
import { draftOf, EMPTY_DRAFT, nameFor, type RuleDraft, readDraft } from './rule-draft.ts';

const DEVICE = '8d2b1c65-0000-4000-8000-000000000000';

function ruleWith(condition: AlertRule['condition'], scope: AlertRule['scope'] = { kind: 'all' }): AlertRule {
  return {
    id: DEVICE,
    name: 'a rule',
    enabled: true,
    scope,
    condition,
    channels: [],
    silencedUntil: null,
    firing: 0,
    pending: 0,
    version: 1,
    createdBy: 'admin',
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}

const CONDITIONS: readonly AlertRule['condition'][] = [
  { kind: 'threshold', field: 'temperature', direction: 'above', value: 30.5, forSeconds: 0 },
  { kind: 'threshold', field: 'a b', direction: 'below', value: -2, clear: 0, forSeconds: 5_400 },
  { kind: 'missing', seconds: 90 },
  { kind: 'missing', seconds: 604_800, field: 'humidity' },
  { kind: 'offline', seconds: 0 },
  { kind: 'offline', seconds: 86_400 },
  { kind: 'flapping', connects: 4, minutes: 90 },
  { kind: 'lost', count: 1_000_000, minutes: 1_440 },
];

describe('the form of an alert rule', () => {
  test.each(CONDITIONS)('keeps what it is not told to change: %j', (condition) => {
    for (const scope of [
      { kind: 'all' },
      { kind: 'tag', tag: 'north wing' },
      { kind: 'device', device: DEVICE },
    ] as const) {
      expect(readDraft(draftOf(ruleWith(condition, scope)))).toEqual({
        rule: { condition, scope },
        faults: {},
      });
    }
  });

  test.each<[Partial<RuleDraft>, keyof RuleDraft, string]>([
    [{}, 'field', 'must be given'],
    [{ field: 't', value: 'warm' }, 'value', 'must be a number'],
    [{ field: 't', value: '' }, 'value', 'must be a number'],
    [{ field: 't', value: '1,000' }, 'value', 'must be a number'],
    [{ field: 't', value: '5', clear: '6' }, 'clear', 'must not be above the limit'],
    [{ field: 't', direction: 'below', value: '5', clear: '4' }, 'clear', 'must not be below the limit'],
    [{ field: 't', value: '5', lasting: { text: '2', unit: 'day' } }, 'lasting', 'must be at most 1 day'],
    [
      { kind: 'missing', silentFor: { text: '29', unit: 'second' } },
      'silentFor',
      'must be at least 30 seconds',
    ],
    [{ kind: 'missing', silentFor: { text: '1.5', unit: 'hour' } }, 'silentFor', 'must be a whole number'],
    [{ kind: 'offline', offlineFor: { text: '8', unit: 'day' } }, 'offlineFor', 'must be at most 7 days'],
    [{ kind: 'flapping', connects: '1' }, 'connects', 'must be a whole number from 2 to 1000'],
    [{ kind: 'lost', lost: '' }, 'lost', 'must be a whole number from 1 to 1000000'],
    [{ kind: 'offline', scope: 'tag' }, 'tag', 'must be given'],
    [{ kind: 'offline', scope: 'device' }, 'device', 'must be chosen'],
  ])('says what is wrong with %j', (draft, name, fault) => {
    const { rule, faults } = readDraft({ ...EMPTY_DRAFT, ...draft });
    expect(rule).toBeUndefined();
    expect(faults[name]).toBe(fault);
  });

  test('names a rule after what it watches', () => {
    expect(CONDITIONS.map(nameFor)).toEqual([
      'Temperature above 30.5',
      'A b below -2 for 90 minutes, until back at 0',
      'No record for 90 seconds',
      'No record with humidity for 7 days',
      'Offline',
      'Offline for more than 1 day',
      '4 or more sessions within 90 minutes',
      '1,000,000 or more records lost within 1 day',
    ]);
  });
});
