import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { faultOf } from '../../../api/answer.ts';
import { type Device, deviceTitle } from '../../../api/fleet.ts';
import { setRetention } from '../../../api/telemetry.ts';
import { plural } from '../../../format/number.ts';
import { Confirm, type Consequence } from '../../../ui/dialog.tsx';
import { SelectField, TextField } from '../../../ui/field.tsx';
import { toast } from '../../../ui/toast.tsx';

interface RetentionDialogProps {
  readonly device: Device;
  /** null: the server's default. */
  readonly retentionDays: number | null;
  readonly onClose: () => void;
}

const MAX_DAYS = 3_660;

/** How long the records of this device are kept. */
export function RetentionDialog({ device, retentionDays, onClose }: RetentionDialogProps) {
  const client = useQueryClient();
  const [own, setOwn] = useState(retentionDays !== null);
  const [text, setText] = useState(String(retentionDays ?? 30));
  const [fault, setFault] = useState<string>();
  const days = Number(text);
  const isValid = Number.isInteger(days) && days >= 1 && days <= MAX_DAYS;
  const save = useMutation({
    mutationFn: () => setRetention(device.id, own ? days : null),
    onSuccess: () => {
      toast(`Retention of ${deviceTitle(device)} changed`);
      onClose();
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['latest', device.id, 'account'] }),
  });

  function submit() {
    if (own && !isValid) setFault(`must be a whole number from 1 to ${MAX_DAYS}`);
    else save.mutate();
  }
  return (
    <Confirm
      open
      onClose={onClose}
      title={`How long are records of ${deviceTitle(device)} kept?`}
      consequences={consequencesOf(own ? (isValid ? days : undefined) : null)}
      confirm="Save"
      danger={own && isValid && (retentionDays === null || days < retentionDays)}
      busy={save.isPending}
      error={save.error}
      onConfirm={submit}
    >
      <SelectField
        label="Keep records"
        value={own ? 'own' : 'default'}
        onValue={(value) => setOwn(value === 'own')}
        options={[
          ['default', 'As the server does (TELEMETRY_RETENTION)'],
          ['own', 'For a number of days of its own'],
        ]}
      />
      {own && (
        <TextField
          label="Days"
          inputMode="numeric"
          autoComplete="off"
          fault={fault ?? faultOf(save.error, 'retentionDays')}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setFault(undefined);
          }}
        />
      )}
    </Confirm>
  );
}

function consequencesOf(days: number | null | undefined): Consequence[] {
  const older =
    days === null
      ? 'older than TELEMETRY_RETENTION'
      : days === undefined
        ? 'older than that'
        : `measured more than ${plural(days, 'day')} ago`;
  return [
    { icon: 'trash', text: `Records ${older} are deleted within an hour, and from then on as they age.` },
    {
      icon: 'chart',
      text: 'Hourly means, lows and highs stay for ROLLUP_RETENTION: charts of older times are coarser.',
    },
    { icon: 'alert', text: 'What is deleted does not come back when the period is made longer again.' },
  ];
}
