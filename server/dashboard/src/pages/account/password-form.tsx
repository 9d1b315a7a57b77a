import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { faultOf, settled } from '../../api/answer.ts';
import { api } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { Failure } from '../../ui/notice.tsx';
import { toast } from '../../ui/toast.tsx';

export function PasswordForm({ username }: { readonly username: string }) {
  const client = useQueryClient();
  const [currentPassword, setCurrent] = useState('');
  const [newPassword, setNew] = useState('');
  const change = useMutation({
    mutationFn: () => settled(api.session.password.$put({ json: { currentPassword, newPassword } })),
    onSuccess: () => {
      toast('Password changed', 'Your other sessions have ended.');
      setCurrent('');
      setNew('');
      void client.invalidateQueries({ queryKey: ['sessions'] });
    },
  });
  const faults = {
    current: faultOf(change.error, 'currentPassword'),
    next: faultOf(change.error, 'newPassword'),
  };
  return (
    <form
      className="stack narrow-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (!change.isPending) change.mutate();
      }}
    >
      <input type="text" name="username" autoComplete="username" value={username} readOnly hidden />
      <TextField
        label="Current password"
        fault={faults.current}
        type="password"
        autoComplete="current-password"
        required
        value={currentPassword}
        onChange={(event) => setCurrent(event.target.value)}
      />
      <TextField
        label="New password"
        hint="At least 12 characters. Length is what counts."
        fault={faults.next}
        type="password"
        autoComplete="new-password"
        required
        value={newPassword}
        onChange={(event) => setNew(event.target.value)}
      />
      {change.error && !faults.current && !faults.next && <Failure error={change.error} />}
      <div>
        <Button type="submit" kind="primary" busy={change.isPending}>
          Change the password
        </Button>
      </div>
    </form>
  );
}
