import { Autocomplete } from '@base-ui/react/autocomplete';
import { useState } from 'react';
import { Field } from '../../ui/field.tsx';
import type { FieldSuggestion } from './use-field-suggestions.ts';

interface FieldNameFieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly fault?: string | undefined;
  readonly value: string;
  readonly suggestions: readonly FieldSuggestion[];
  readonly onValue: (value: string) => void;
}

/** The name of a field of the records; suggests those that the devices send. */
export function FieldNameField({ label, hint, fault, value, suggestions, onValue }: FieldNameFieldProps) {
  const [isOpen, setOpen] = useState(false);
  const typed = value.trim().toLowerCase();
  const matches = suggestions.filter(({ name }) => name.toLowerCase().includes(typed));
  // While the list is open, the rest of the page is hidden from screen readers.
  const isDone = matches.every(({ name }) => name === value.trim());
  return (
    <Field label={label} hint={hint} fault={fault}>
      {(control) => (
        <Autocomplete.Root
          items={matches}
          mode="none"
          open={isOpen && !isDone}
          onOpenChange={setOpen}
          itemToStringValue={({ name }: FieldSuggestion) => name}
          value={value}
          onValueChange={onValue}
          openOnInputClick
        >
          <Autocomplete.Input {...control} className="input" maxLength={200} spellCheck={false} />
          <Autocomplete.Portal>
            <Autocomplete.Positioner className="menu-positioner" sideOffset={5} align="start">
              <Autocomplete.Popup className="menu match-anchor">
                <Autocomplete.List>
                  {(suggestion: FieldSuggestion) => (
                    <Autocomplete.Item key={suggestion.name} value={suggestion} className="menu-item">
                      <span className="grow truncate">{suggestion.name}</span>
                      <span className="quiet small">{suggestion.unit}</span>
                    </Autocomplete.Item>
                  )}
                </Autocomplete.List>
              </Autocomplete.Popup>
            </Autocomplete.Positioner>
          </Autocomplete.Portal>
        </Autocomplete.Root>
      )}
    </Field>
  );
}
