import { type AlertKind, describeCondition } from '../../alerts/describe-rule.ts';
import type { AlertRule, NewAlertRule } from '../../api/alert-rules.ts';
import type { AlertCondition, AlertScope } from '../../api/alerts.ts';
import { secondsOf, wholeDuration, wholeUnits } from '../../format/whole-duration.ts';
import type { DurationText } from '../../ui/duration-field.tsx';

/** A rule as it is being typed: what was typed for one kind stays while another is looked at. */
export interface RuleDraft {
  readonly name: string;
  readonly kind: AlertKind;
  readonly field: string;
  readonly direction: 'above' | 'below';
  readonly value: string;
  readonly clear: string;
  readonly lasting: DurationText;
  /** Of missing: a field that records have to have. */
  readonly onlyWith: string;
  readonly silentFor: DurationText;
  readonly offlineFor: DurationText;
  readonly connects: string;
  readonly flappingWithin: DurationText;
  readonly lost: string;
  readonly lostWithin: DurationText;
  readonly scope: AlertScope['kind'];
  readonly tag: string;
  readonly device: string;
  readonly channels: readonly string[];
}

export type DraftFaults = Partial<Record<keyof RuleDraft, string>>;

export const EMPTY_DRAFT: RuleDraft = {
  name: '',
  kind: 'threshold',
  field: '',
  direction: 'above',
  value: '',
  clear: '',
  lasting: { text: '0', unit: 'minute' },
  onlyWith: '',
  silentFor: { text: '10', unit: 'minute' },
  offlineFor: { text: '10', unit: 'minute' },
  connects: '5',
  flappingWithin: { text: '10', unit: 'minute' },
  lost: '10',
  lostWithin: { text: '1', unit: 'hour' },
  scope: 'all',
  tag: '',
  device: '',
  channels: [],
};

/** The form of a rule that exists. */
export function draftOf({ name, condition, scope, channels }: AlertRule): RuleDraft {
  return { ...EMPTY_DRAFT, name, channels, ...draftOfCondition(condition), ...draftOfScope(scope) };
}

function draftOfCondition(condition: AlertCondition): Partial<RuleDraft> {
  const { kind } = condition;
  switch (kind) {
    case 'threshold':
      return {
        kind,
        field: condition.field,
        direction: condition.direction,
        value: String(condition.value),
        clear: condition.clear === undefined ? '' : String(condition.clear),
        lasting: condition.forSeconds ? durationText(condition.forSeconds) : EMPTY_DRAFT.lasting,
      };
    case 'missing':
      return { kind, silentFor: durationText(condition.seconds), onlyWith: condition.field ?? '' };
    case 'offline':
      return {
        kind,
        offlineFor: condition.seconds ? durationText(condition.seconds) : { text: '0', unit: 'minute' },
      };
    case 'flapping':
      return {
        kind,
        connects: String(condition.connects),
        flappingWithin: durationText(condition.minutes * 60),
      };
    case 'lost':
      return { kind, lost: String(condition.count), lostWithin: durationText(condition.minutes * 60) };
  }
}

function draftOfScope(scope: AlertScope): Partial<RuleDraft> {
  if (scope.kind === 'tag') return { scope: 'tag', tag: scope.tag };
  return scope.kind === 'device' ? { scope: 'device', device: scope.device } : { scope: 'all' };
}

function durationText(seconds: number): DurationText {
  const { value, unit } = wholeUnits(seconds);
  return { text: String(value), unit };
}

export type RuleWhat = Pick<NewAlertRule, 'scope'> & { readonly condition: AlertCondition };

export interface ReadDraft {
  /** What it watches and where; undefined while something is missing or wrong. */
  readonly rule: RuleWhat | undefined;
  readonly faults: DraftFaults;
}

/** What was typed as the API takes it, or what is wrong with it. */
export function readDraft(draft: RuleDraft): ReadDraft {
  const faults: { -readonly [Name in keyof DraftFaults]: DraftFaults[Name] } = {};
  const note = (name: keyof RuleDraft, fault: string | undefined) => {
    if (fault !== undefined) faults[name] = fault;
  };
  const condition = readCondition(draft, note);
  const scope = readScope(draft, note);
  return { rule: Object.keys(faults).length === 0 ? { scope, condition } : undefined, faults };
}

type Note = (name: keyof RuleDraft, fault: string | undefined) => void;

function readCondition(draft: RuleDraft, note: Note): AlertCondition {
  const { kind } = draft;
  const number = (name: 'value' | 'clear') => {
    const value = Number(draft[name]);
    if (draft[name].trim() === '' || !Number.isFinite(value)) note(name, 'must be a number');
    return value;
  };
  const whole = (name: 'connects' | 'lost', least: number, most: number) => {
    const value = Number(draft[name]);
    if (draft[name].trim() === '' || !Number.isInteger(value) || value < least || value > most) {
      note(name, `must be a whole number from ${least} to ${most}`);
    }
    return value;
  };
  const time = (
    name: 'lasting' | 'silentFor' | 'offlineFor' | 'flappingWithin' | 'lostWithin',
    least: number,
    most: number,
  ) => {
    const { text, unit } = draft[name];
    const seconds = secondsOf(Number(text), unit);
    const isWhole = text.trim() !== '' && Number.isInteger(Number(text));
    if (!isWhole) note(name, 'must be a whole number');
    else if (seconds < least) note(name, `must be at least ${wholeDuration(least)}`);
    else if (seconds > most) note(name, `must be at most ${wholeDuration(most)}`);
    return seconds;
  };
  switch (kind) {
    case 'threshold': {
      const field = draft.field.trim();
      if (field === '') note('field', 'must be given');
      const value = number('value');
      const clear = draft.clear.trim() === '' ? undefined : number('clear');
      if (clear !== undefined && (draft.direction === 'above' ? clear > value : clear < value)) {
        note('clear', `must not be ${draft.direction} the limit`);
      }
      const forSeconds = time('lasting', 0, DAY);
      return {
        kind,
        field,
        direction: draft.direction,
        value,
        ...(clear === undefined ? {} : { clear }),
        forSeconds,
      };
    }
    case 'missing': {
      const field = draft.onlyWith.trim();
      return { kind, seconds: time('silentFor', 30, WEEK), ...(field === '' ? {} : { field }) };
    }
    case 'offline':
      return { kind, seconds: time('offlineFor', 0, WEEK) };
    case 'flapping':
      return { kind, connects: whole('connects', 2, 1_000), minutes: time('flappingWithin', 60, DAY) / 60 };
    case 'lost':
      return { kind, count: whole('lost', 1, 1_000_000), minutes: time('lostWithin', 60, DAY) / 60 };
  }
}

const DAY = 86_400;
const WEEK = 7 * DAY;

function readScope({ scope, tag, device }: RuleDraft, note: Note): AlertScope {
  if (scope === 'tag') {
    if (tag.trim() === '') note('tag', 'must be given');
    return { kind: scope, tag: tag.trim() };
  }
  if (scope === 'device') {
    if (device === '') note('device', 'must be chosen');
    return { kind: scope, device };
  }
  return { kind: 'all' };
}

/** What a rule is called when it is given no name. */
export function nameFor(condition: AlertCondition): string {
  const text = describeCondition(condition);
  return (text.charAt(0).toUpperCase() + text.slice(1)).slice(0, 100);
}

/** Where the server finds fault with a rule, as fields of the form. */
export const FAULT_FIELDS: readonly (readonly [path: string, field: keyof RuleDraft])[] = [
  ['name', 'name'],
  ['condition/field', 'field'],
  ['condition/value', 'value'],
  ['condition/clear', 'clear'],
  ['scope/tag', 'tag'],
  ['scope/device', 'device'],
  ['channels', 'channels'],
];
