import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, faultOf } from '../../api/answer.ts';
import { api } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import { CodeBlock } from '../../ui/copy.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { SelectField, TextField } from '../../ui/field.tsx';
import { Failure, Notice } from '../../ui/notice.tsx';

const DAY_MS = 86_400_000;

const LIFETIMES = [
  ['30', '30 days'],
  ['90', '90 days'],
  ['365', 'One year'],
  ['never', 'Never'],
] as const;

/** Creates a key, and shows it once. */
export function NewKeyDialog({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [role, setRole] = useState<'admin' | 'viewer'>('viewer');
  const [lifetime, setLifetime] = useState('365');
  const create = useMutation({
    mutationFn: () =>
      answer(api['api-keys'].$post({ json: { name: name.trim(), role, expiresAt: expiryOf(lifetime) } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ['api-keys'] }),
  });
  const created = create.data;
  const fault = faultOf(create.error, 'name');
  function close() {
    onClose();
    create.reset();
    setName('');
  }

  return (
    <Dialog
      open={open}
      onClose={close}
      title={created ? `API key ${created.name}` : 'Create an API key'}
      onSubmit={() => (created ? close() : !create.isPending && create.mutate())}
      foot={
        created ? (
          <Button type="submit" kind="primary">
            I have stored it
          </Button>
        ) : (
          <>
            <Button onClick={close}>Cancel</Button>
            <Button type="submit" kind="primary" busy={create.isPending}>
              Create
            </Button>
          </>
        )
      }
    >
      {created ? (
        <>
          <Notice tone="warn">
            This is the only time the key is shown. Store it where the script finds it.
          </Notice>
          <CodeBlock text={created.key} label="API key" />
        </>
      ) : (
        <>
          <TextField
            label="Name"
            hint="What it is for. Its name stands in the audit log."
            fault={fault}
            maxLength={64}
            autoComplete="off"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <SelectField
            label="Role"
            value={role}
            onValue={(value) => setRole(value === 'admin' ? 'admin' : 'viewer')}
            options={[
              ['viewer', 'Viewer: reads everything, changes nothing'],
              ['admin', 'Administrator: changes everything'],
            ]}
          />
          <SelectField label="Expires after" value={lifetime} onValue={setLifetime} options={LIFETIMES} />
          {create.error && !fault && <Failure error={create.error} />}
        </>
      )}
    </Dialog>
  );
}

function expiryOf(lifetime: string): string | null {
  return lifetime === 'never' ? null : new Date(Date.now() + Number(lifetime) * DAY_MS).toISOString();
}
