import { DeviceField } from '../../fleet/device-field.tsx';
import { TextField } from '../../ui/field.tsx';
import type { DraftFaults, RuleDraft } from './rule-draft.ts';

interface ScopeFieldsProps {
  readonly draft: RuleDraft;
  readonly faults: DraftFaults;
  readonly onChange: (changes: Partial<RuleDraft>) => void;
}

const SCOPES = [
  ['all', 'All devices', 'Also those that you add later'],
  ['tag', 'Devices with a tag', 'Tag or untag them at any time'],
  ['device', 'One device', 'And no other'],
] as const;

/** Which devices a rule watches. */
export function ScopeFields({ draft, faults, onChange }: ScopeFieldsProps) {
  return (
    <div className="stack">
      <fieldset className="field plain">
        <legend className="visually-hidden">Devices</legend>
        <div className="choices compact">
          {SCOPES.map(([value, label, hint]) => (
            <label key={value}>
              <input
                type="radio"
                name="scope"
                value={value}
                checked={draft.scope === value}
                onChange={() => onChange({ scope: value })}
              />
              <span className="strong">{label}</span>
              <span className="hint">{hint}</span>
            </label>
          ))}
        </div>
      </fieldset>
      {draft.scope === 'tag' && (
        <TextField
          label="Tag"
          fault={faults.tag}
          maxLength={40}
          autoComplete="off"
          spellCheck={false}
          value={draft.tag}
          onChange={(event) => onChange({ tag: event.target.value })}
        />
      )}
      {draft.scope === 'device' && (
        <DeviceField
          label="Device"
          noun={['device', 'devices']}
          fault={faults.device}
          value={draft.device}
          onValue={(device) => onChange({ device })}
        />
      )}
      <p className="quiet small">Of these, only active devices are watched.</p>
    </div>
  );
}
