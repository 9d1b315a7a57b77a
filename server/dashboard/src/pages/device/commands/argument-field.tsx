import { SelectField, TextField } from '../../../ui/field.tsx';
import type { Argument } from './arguments.ts';

interface ArgumentFieldProps {
  readonly argument: Argument;
  readonly fault: string | undefined;
  readonly value: string;
  readonly onValue: (value: string) => void;
}

/** One argument of a declared command. What is left empty is not sent. */
export function ArgumentField({ argument, fault, value, onValue }: ArgumentFieldProps) {
  const { name, type, kind } = argument;
  if (kind === 'flag') {
    return (
      <SelectField
        label={name}
        fault={fault}
        value={value}
        onValue={onValue}
        options={[
          ['', 'Left out'],
          ['true', 'true'],
          ['false', 'false'],
        ]}
      />
    );
  }
  return (
    <TextField
      label={name}
      hint={kind === 'json' ? `JSON${type && `; the device says: ${type}`}` : undefined}
      fault={fault}
      inputMode={kind === 'number' ? 'decimal' : 'text'}
      autoComplete="off"
      spellCheck={false}
      placeholder={type}
      value={value}
      onChange={(event) => onValue(event.target.value)}
    />
  );
}
