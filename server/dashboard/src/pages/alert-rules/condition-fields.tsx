import { type AlertKind, KIND_NAMES } from '../../alerts/describe-rule.ts';
import { DurationField } from '../../ui/duration-field.tsx';
import { SelectField, TextField } from '../../ui/field.tsx';
import { FieldNameField } from './field-name-field.tsx';
import type { DraftFaults, RuleDraft } from './rule-draft.ts';
import type { FieldSuggestion } from './use-field-suggestions.ts';

interface ConditionFieldsProps {
  readonly draft: RuleDraft;
  readonly faults: DraftFaults;
  readonly suggestions: readonly FieldSuggestion[];
  readonly unit: string;
  readonly onChange: (changes: Partial<RuleDraft>) => void;
}

const KINDS: readonly (readonly [AlertKind, hint: string])[] = [
  ['threshold', 'Too high or too low'],
  ['missing', 'A device has stopped sending'],
  ['offline', 'A device has no session'],
  ['flapping', 'A device connects again and again'],
  ['lost', 'Numbered records do not arrive'],
];

/** What has to be the case for the rule to fire. */
export function ConditionFields(props: ConditionFieldsProps) {
  const { draft, onChange } = props;
  return (
    <div className="stack">
      <fieldset className="field plain">
        <legend className="visually-hidden">Kind</legend>
        <div className="choices compact">
          {KINDS.map(([value, hint]) => (
            <label key={value}>
              <input
                type="radio"
                name="kind"
                value={value}
                checked={draft.kind === value}
                onChange={() => onChange({ kind: value })}
              />
              <span className="strong">{KIND_NAMES[value]}</span>
              <span className="hint">{hint}</span>
            </label>
          ))}
        </div>
      </fieldset>
      {draft.kind === 'threshold' && <ThresholdFields {...props} />}
      {draft.kind === 'missing' && <MissingFields {...props} />}
      {draft.kind === 'offline' && (
        <DurationField
          label="Offline for more than"
          hint="Counts from the first session of a device. 0 fires as soon as the session ends."
          fault={props.faults.offlineFor}
          value={draft.offlineFor}
          onValue={(offlineFor) => onChange({ offlineFor })}
        />
      )}
      {draft.kind === 'flapping' && <FlappingFields {...props} />}
      {draft.kind === 'lost' && <LostFields {...props} />}
    </div>
  );
}

function ThresholdFields({ draft, faults, suggestions, unit, onChange }: ConditionFieldsProps) {
  const inUnit = unit && ` (${unit})`;
  return (
    <>
      <div className="limit-fields">
        <FieldNameField
          label="Field"
          fault={faults.field}
          value={draft.field}
          suggestions={suggestions}
          onValue={(field) => onChange({ field })}
        />
        <SelectField
          label="Is"
          value={draft.direction}
          onValue={(value) => onChange({ direction: value === 'below' ? 'below' : 'above' })}
          options={[
            ['above', 'above'],
            ['below', 'below'],
          ]}
        />
        <TextField
          label={`Limit${inUnit}`}
          inputMode="decimal"
          autoComplete="off"
          fault={faults.value}
          value={draft.value}
          onChange={(event) => onChange({ value: event.target.value })}
        />
      </div>
      <div className="pair-fields">
        <DurationField
          label="For at least"
          hint="0 fires with the first record beyond the limit."
          fault={faults.lasting}
          value={draft.lasting}
          onValue={(lasting) => onChange({ lasting })}
        />
        <TextField
          label={`Resolves at${inUnit}`}
          hint={`Empty: at the limit. A value well ${draft.direction === 'above' ? 'below' : 'above'} it keeps the alert from coming and going.`}
          inputMode="decimal"
          autoComplete="off"
          placeholder={draft.value}
          fault={faults.clear}
          value={draft.clear}
          onChange={(event) => onChange({ clear: event.target.value })}
        />
      </div>
    </>
  );
}

function MissingFields({ draft, faults, suggestions, onChange }: ConditionFieldsProps) {
  return (
    <div className="pair-fields">
      <DurationField
        label="No record for"
        hint="Counts from the first record of a device."
        fault={faults.silentFor}
        value={draft.silentFor}
        onValue={(silentFor) => onChange({ silentFor })}
      />
      <FieldNameField
        label="Only with the field (optional)"
        value={draft.onlyWith}
        suggestions={suggestions}
        onValue={(onlyWith) => onChange({ onlyWith })}
      />
    </div>
  );
}

function FlappingFields({ draft, faults, onChange }: ConditionFieldsProps) {
  return (
    <div className="pair-fields">
      <TextField
        label="Sessions"
        hint="Resolves when fewer than half as many began."
        inputMode="numeric"
        autoComplete="off"
        fault={faults.connects}
        value={draft.connects}
        onChange={(event) => onChange({ connects: event.target.value })}
      />
      <DurationField
        label="Within"
        units={['minute', 'hour', 'day']}
        fault={faults.flappingWithin}
        value={draft.flappingWithin}
        onValue={(flappingWithin) => onChange({ flappingWithin })}
      />
    </div>
  );
}

function LostFields({ draft, faults, onChange }: ConditionFieldsProps) {
  return (
    <div className="pair-fields">
      <TextField
        label="Lost records"
        hint="Only of devices that number their records. Resolves when fewer than half as many were lost."
        inputMode="numeric"
        autoComplete="off"
        fault={faults.lost}
        value={draft.lost}
        onChange={(event) => onChange({ lost: event.target.value })}
      />
      <DurationField
        label="Within"
        units={['minute', 'hour', 'day']}
        fault={faults.lostWithin}
        value={draft.lostWithin}
        onValue={(lostWithin) => onChange({ lostWithin })}
      />
    </div>
  );
}
