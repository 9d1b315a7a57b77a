import { useQuery } from '@tanstack/react-query';
import { auditQuery } from '../../api/fleet.ts';
import { POLL_MS } from '../../api/live.ts';
import { EventLine } from '../../events/event-line.tsx';
import { Failure } from '../../ui/notice.tsx';
import { Skeleton } from '../../ui/placeholder.tsx';

/** The newest lines of the audit log. */
export function RecentEvents() {
  const events = useQuery({ ...auditQuery({ limit: '12' }), refetchInterval: POLL_MS });
  if (events.error && !events.data) {
    return (
      <div className="body">
        <Failure error={events.error} retry={() => void events.refetch()} />
      </div>
    );
  }
  if (!events.data) {
    return (
      <div className="body">
        <Skeleton lines={6} />
      </div>
    );
  }
  if (events.data.items.length === 0) {
    return <p className="body quiet">Nothing has happened yet.</p>;
  }
  return (
    <ol className="events">
      {events.data.items.map((entry) => (
        <EventLine key={entry.id} entry={entry} />
      ))}
    </ol>
  );
}
