import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { failureKind, faultOf } from '../../api/answer.ts';
import { MasterField } from '../../fleet/master-field.tsx';
import { refreshFleet } from '../../fleet/refresh.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { Failure } from '../../ui/notice.tsx';
import { type AddedDevice, newUuid, register } from './register.ts';

const ROLES = [
  ['agent', 'Agent', 'A sensor or actuator. Pairs with one master, or works alone.'],
  ['master', 'Master', 'A controller. Talks to any number of its own agents.'],
] as const;

export function DescribeStep({ onAdded }: { readonly onAdded: (added: AddedDevice) => void }) {
  const client = useQueryClient();
  const [role, setRole] = useState<'agent' | 'master'>('agent');
  const [name, setName] = useState('');
  const [id, setId] = useState(newUuid);
  const [master, setMaster] = useState('');
  const [host, setHost] = useState('');
  const add = useMutation({
    mutationFn: () =>
      register({
        id: id.trim(),
        role,
        name: name.trim(),
        master: role === 'agent' ? master : '',
        host: host.trim(),
      }),
    onSuccess: (added) => {
      void refreshFleet(client);
      onAdded(added);
    },
  });
  const faults = {
    id: faultOf(add.error, 'id'),
    name: faultOf(add.error, 'name'),
    host: faultOf(add.error, 'host'),
  };
  const shownAtField = failureKind(add.error) === 'validation-failed' && Object.values(faults).some(Boolean);

  return (
    <form
      className="card"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!add.isPending) add.mutate();
      }}
    >
      <div className="body stack">
        <fieldset className="field plain">
          <legend className="label">Role</legend>
          <div className="choices">
            {ROLES.map(([value, label, hint]) => (
              <label key={value}>
                <input
                  type="radio"
                  name="role"
                  value={value}
                  checked={role === value}
                  onChange={() => setRole(value)}
                />
                <span className="strong">{label}</span>
                <span className="hint">{hint}</span>
              </label>
            ))}
          </div>
        </fieldset>
        <TextField
          label="Name"
          hint="What people call it, such as “Greenhouse 2, north wall”. You can change it later."
          fault={faults.name}
          autoFocus
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        {role === 'agent' && <MasterField label="Master (optional)" value={master} onValue={setMaster} />}
        <details className="more-options">
          <summary>UUID and server address</summary>
          <div className="stack">
            <TextField
              label="UUID"
              hint="Made at random. Replace it when the device already has one."
              fault={faults.id}
              spellCheck={false}
              autoComplete="off"
              value={id}
              onChange={(event) => setId(event.target.value)}
            />
            <TextField
              label="Server address"
              hint="Where devices reach this server, if not at the address of this page."
              fault={faults.host}
              placeholder={location.origin}
              spellCheck={false}
              autoComplete="off"
              value={host}
              onChange={(event) => setHost(event.target.value)}
            />
          </div>
        </details>
        {add.error && !shownAtField && <Failure error={add.error} />}
        <div className="row">
          <Button type="submit" kind="primary" busy={add.isPending}>
            Add and show the key
          </Button>
        </div>
      </div>
    </form>
  );
}
