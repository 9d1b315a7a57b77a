import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type Device, deviceTitle } from '../../../api/fleet.ts';
import { deleteRecords, readBuckets, type TimeRange } from '../../../api/telemetry.ts';
import { count, plural } from '../../../format/number.ts';
import { fullTime, toLocalInput, zoneName } from '../../../format/time.ts';
import { Confirm } from '../../../ui/dialog.tsx';
import { TextField } from '../../../ui/field.tsx';
import { Notice } from '../../../ui/notice.tsx';
import { toast } from '../../../ui/toast.tsx';

interface DeleteRecordsDialogProps {
  readonly device: Device;
  /** What is on the screen. */
  readonly range: TimeRange;
  readonly onClose: () => void;
}

/** Deletes the records of a range, after saying which. */
export function DeleteRecordsDialog({ device, range: shown, onClose }: DeleteRecordsDialogProps) {
  const client = useQueryClient();
  const [from, setFrom] = useState(toLocalInput(shown.from));
  const [to, setTo] = useState(toLocalInput(shown.to));
  const range = { from: timeOf(from, shown.from), to: timeOf(to, shown.to) };
  const isValid = range.from < range.to;
  const found = useQuery({
    queryKey: ['deletion', device.id, range],
    queryFn: ({ signal }) => readBuckets(device.id, range, 1, signal),
    enabled: isValid,
    staleTime: 0,
  });
  const remove = useMutation({
    mutationFn: () => deleteRecords(device.id, range),
    onSuccess: (deleted) => {
      toast(`${plural(deleted, 'record')} of ${deviceTitle(device)} deleted`);
      onClose();
    },
    onSettled: () =>
      Promise.all(
        [['latest', device.id], ['audit']].map((queryKey) => client.invalidateQueries({ queryKey })),
      ),
  });
  const fields = (found.data?.fields ?? []).map(({ name, buckets }) => ({
    name,
    values: buckets.reduce((sum, bucket) => sum + bucket.count, 0),
  }));

  return (
    <Confirm
      open
      onClose={onClose}
      title={`Delete records of ${deviceTitle(device)}?`}
      consequences={
        isValid
          ? [
              {
                icon: 'trash',
                text: `Every record measured from ${fullTime(range.from)} until before ${fullTime(range.to)} (${zoneName()}) is deleted, whatever its fields.`,
              },
              { icon: 'chart', text: 'Hourly figures of that time are made again from what is left.' },
              {
                icon: 'info',
                text: 'The counts of sent, stored and lost records stay: they tell what arrived.',
              },
              { icon: 'alert', text: 'This cannot be undone. Export the range first if you may need it.' },
            ]
          : []
      }
      confirm="Delete records"
      danger
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => isValid && remove.mutate()}
    >
      <div className="pair-fields">
        <TextField
          label="From"
          type="datetime-local"
          step={1}
          value={from}
          onChange={(event) => setFrom(event.target.value)}
        />
        <TextField
          label="To"
          type="datetime-local"
          step={1}
          fault={isValid ? undefined : 'must be after the beginning'}
          value={to}
          onChange={(event) => setTo(event.target.value)}
        />
      </div>
      {isValid && found.data && (
        <Notice>
          {fields.length === 0
            ? 'No numbers were measured in this range.'
            : `In this range: ${fields.map(({ name, values }) => `${count(values)} × ${name}`).join(', ')}.`}
        </Notice>
      )}
    </Confirm>
  );
}

/**
 * A text without a zone is of the viewer's. Where a clock that is put back shows an hour twice, it may be either: what the
 * operator left as it was is the time that it stood for.
 */
function timeOf(text: string, given: number): number {
  return text === toLocalInput(given) ? Math.floor(given / 1_000) * 1_000 : Date.parse(text);
}
