import type { AlertChannel } from '../../api/alert-channels.ts';
import { Ago } from '../../ui/time.tsx';

/** Whether messages arrive, in a line. */
export function ChannelHealth({ channel }: { readonly channel: AlertChannel }) {
  const { notice, lastError, lastDeliveredAt, lastFailedAt } = channel;
  if (notice) {
    return (
      <p className="small bad-text">
        <span className="strong">Disabled by the server.</span> {notice}
      </p>
    );
  }
  if (lastError) {
    return (
      <p className="small bad-text">
        Failed{' '}
        {lastFailedAt && (
          <>
            <Ago at={lastFailedAt} />:{' '}
          </>
        )}
        {lastError}
      </p>
    );
  }
  return (
    <p className="quiet small">
      {lastDeliveredAt ? (
        <>
          Last delivered <Ago at={lastDeliveredAt} />
        </>
      ) : (
        'Nothing delivered yet'
      )}
    </p>
  );
}
