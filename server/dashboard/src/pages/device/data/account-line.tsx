import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Device } from '../../../api/fleet.ts';
import { usePoll } from '../../../api/live.ts';
import { useIsAdmin } from '../../../api/queries.ts';
import { accountQuery, type TimeRange } from '../../../api/telemetry.ts';
import { count } from '../../../format/number.ts';
import { Button } from '../../../ui/button.tsx';
import { Ago } from '../../../ui/time.tsx';
import { DeleteRecordsDialog } from './delete-records-dialog.tsx';
import { RetentionDialog } from './retention-dialog.tsx';

interface AccountLineProps {
  readonly device: Device;
  /** The range on the screen, with which the deletion of records begins. */
  readonly range: TimeRange;
}

/** Sent, stored, lost, repeated: whether anything is missing. */
export function AccountLine({ device, range }: AccountLineProps) {
  const isAdmin = useIsAdmin();
  const [dialog, setDialog] = useState<'retention' | { readonly from: TimeRange }>();
  const poll = usePoll();
  const { data } = useQuery({ ...accountQuery(device.id), refetchInterval: poll });
  const close = () => setDialog(undefined);
  if (!data) return null;
  return (
    <div className="spread wrap">
      <dl className="account-line small">
        <div>
          <dt>Sent</dt>
          <dd>{count(data.sent)}</dd>
        </div>
        <div>
          <dt>Stored</dt>
          <dd>{count(data.stored)}</dd>
        </div>
        <div>
          <dt>Lost</dt>
          <dd className={data.lost > 0 ? 'bad-text' : undefined}>{count(data.lost)}</dd>
        </div>
        <div>
          <dt>Repeated</dt>
          <dd>{count(data.repeated)}</dd>
        </div>
        <div>
          <dt>Rejected</dt>
          <dd className={data.rejected > 0 ? 'bad-text' : undefined}>{count(data.rejected)}</dd>
        </div>
        <div>
          <dt>Last</dt>
          <dd>
            <Ago at={data.lastReceivedAt} />
          </dd>
        </div>
        <div>
          <dt>Kept for</dt>
          <dd>{data.retentionDays === null ? 'the default period' : `${count(data.retentionDays)} days`}</dd>
        </div>
      </dl>
      {isAdmin && (
        <span className="row">
          <Button small kind="ghost" icon="clock" onClick={() => setDialog('retention')}>
            Retention
          </Button>
          <Button small kind="ghost" icon="trash" onClick={() => setDialog({ from: range })}>
            Delete records
          </Button>
        </span>
      )}
      {dialog === 'retention' && (
        <RetentionDialog device={device} retentionDays={data.retentionDays} onClose={close} />
      )}
      {typeof dialog === 'object' && (
        <DeleteRecordsDialog device={device} range={dialog.from} onClose={close} />
      )}
    </div>
  );
}
