import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { Operator } from '../../api/access.ts';
import { faultOf, settled } from '../../api/answer.ts';
import { api, ifVersion } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { SelectField, TextField } from '../../ui/field.tsx';
import { Failure } from '../../ui/notice.tsx';
import { toast } from '../../ui/toast.tsx';

interface OperatorDialogProps {
  /** The operator who gets a new password, as they are now, or a new operator. */
  readonly target: Operator | 'new' | undefined;
  readonly onClose: () => void;
}

export function OperatorDialog({ target, onClose }: OperatorDialogProps) {
  const client = useQueryClient();
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState<'admin' | 'viewer'>('viewer');
  const [shown, setShown] = useState(target);
  if (target && target !== shown) setShown(target);
  const whom = target === 'new' ? target : target?.id;
  useEffect(() => {
    if (!whom) return;
    setUsername('');
    setPassword('');
    setRole('viewer');
  }, [whom]);
  const existing = shown === 'new' ? undefined : shown;
  const save = useMutation({
    mutationFn: async () => {
      if (!existing) {
        await settled(api.operators.$post({ json: { username: username.trim(), password, role } }));
        return;
      }
      const { id, version } = existing;
      await settled(api.operators[':id'].$patch({ param: { id }, json: { password } }, ifVersion(version)));
    },
    onSuccess: () => {
      toast(existing ? `${existing.username} has a new password` : `${username.trim()} added`);
      close();
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['operators'] }),
  });
  function close() {
    onClose();
    save.reset();
  }
  const faults = { username: faultOf(save.error, 'username'), password: faultOf(save.error, 'password') };

  return (
    <Dialog
      open={target !== undefined}
      onClose={close}
      title={existing ? `New password for ${existing.username}` : 'Add an operator'}
      description={
        existing
          ? 'All of their sessions end. Hand the password over in person; they can change it under “Your account”.'
          : 'Hand the password over in person; they can change it under “Your account”.'
      }
      onSubmit={() => !save.isPending && save.mutate()}
      foot={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" kind="primary" busy={save.isPending}>
            {existing ? 'Set the password' : 'Add'}
          </Button>
        </>
      }
    >
      {!existing && (
        <TextField
          label="User name"
          fault={faults.username}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={username}
          onChange={(event) => setUsername(event.target.value)}
        />
      )}
      <TextField
        label="Password"
        hint="At least 12 characters. Length is what counts."
        fault={faults.password}
        type="password"
        autoComplete="new-password"
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      {!existing && (
        <SelectField
          label="Role"
          value={role}
          onValue={(value) => setRole(value === 'admin' ? 'admin' : 'viewer')}
          options={[
            ['viewer', 'Viewer: sees everything, changes nothing'],
            ['admin', 'Administrator: changes everything'],
          ]}
        />
      )}
      {save.error && !faults.username && !faults.password && <Failure error={save.error} />}
    </Dialog>
  );
}
