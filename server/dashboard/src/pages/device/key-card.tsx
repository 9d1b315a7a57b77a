import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { type Device, showKey } from '../../api/fleet.ts';
import { Flash } from '../../fleet/flash.tsx';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { Failure } from '../../ui/notice.tsx';
import { Card } from '../../ui/page.tsx';

/** The key is computed when asked for, and that it was is audited. */
export function KeyCard({ device }: { readonly device: Device }) {
  const [host, setHost] = useState('');
  const key = useMutation({ mutationFn: () => showKey(device.id, host.trim()) });
  return (
    <Card title="Key and sketch">
      {key.data ? (
        <Flash identity={key.data} />
      ) : (
        <form
          className="stack narrow-form"
          onSubmit={(event) => {
            event.preventDefault();
            key.mutate();
          }}
        >
          <p className="quiet">
            Whoever holds the key can connect as this device, and as no other. That you looked at it is noted
            in the audit log.
          </p>
          <TextField
            label="Server address in the sketch"
            hint="Where devices reach this server, if not at the address of this page."
            placeholder={location.origin}
            autoComplete="off"
            spellCheck={false}
            value={host}
            onChange={(event) => setHost(event.target.value)}
          />
          {key.error && <Failure error={key.error} />}
          <div>
            <Button type="submit" kind="primary" icon="key" busy={key.isPending}>
              Show the key
            </Button>
          </div>
        </form>
      )}
    </Card>
  );
}
