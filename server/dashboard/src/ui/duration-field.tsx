import type { DurationUnit } from '../format/whole-duration.ts';
import { Field } from './field.tsx';

export interface DurationText {
  readonly text: string;
  readonly unit: DurationUnit;
}

interface DurationFieldProps {
  readonly label: string;
  readonly hint?: string;
  readonly fault?: string | undefined;
  readonly value: DurationText;
  readonly units?: readonly DurationUnit[];
  readonly onValue: (value: DurationText) => void;
}

/** A number with the unit of time that it is of. */
export function DurationField({
  label,
  hint,
  fault,
  value,
  units = ['second', 'minute', 'hour', 'day'],
  onValue,
}: DurationFieldProps) {
  return (
    <Field label={label} hint={hint} fault={fault}>
      {(control) => (
        <span className="row duration-field">
          <input
            {...control}
            className="input"
            inputMode="numeric"
            autoComplete="off"
            value={value.text}
            onChange={(event) => onValue({ ...value, text: event.target.value })}
          />
          <select
            className="input"
            aria-label={`Unit of ${label}`}
            value={value.unit}
            onChange={(event) => onValue({ ...value, unit: event.target.value as DurationUnit })}
          >
            {units.map((unit) => (
              <option key={unit} value={unit}>
                {unit}s
              </option>
            ))}
          </select>
        </span>
      )}
    </Field>
  );
}
