import { useQuery } from '@tanstack/react-query';
import { useRecordPoll } from '../../../api/live.ts';
import { accountQuery } from '../../../api/telemetry.ts';
import { count } from '../../../format/number.ts';
import { Ago } from '../../../ui/time.tsx';

/** Sent, stored, lost, repeated: whether anything is missing. */
export function AccountLine({ id }: { readonly id: string }) {
  const poll = useRecordPoll();
  const { data } = useQuery({ ...accountQuery(id), refetchInterval: poll });
  if (!data) return null;
  return (
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
  );
}
