import { useQuery } from '@tanstack/react-query';
import { usePoll } from '../../../api/live.ts';
import { presenceQuery } from '../../../api/presence.ts';
import { Failure } from '../../../ui/notice.tsx';
import { Card } from '../../../ui/page.tsx';
import { Skeleton } from '../../../ui/placeholder.tsx';
import { Timeline } from './timeline.tsx';
import { UptimeBars } from './uptime-bars.tsx';

/** How long the device was connected by day, and everything that happened about it. */
export function TimelineTab({ id }: { readonly id: string }) {
  const poll = usePoll();
  const presence = useQuery({ ...presenceQuery(id), refetchInterval: poll });
  return (
    <>
      <Card title="Uptime" description="Share of each day for which the device was connected.">
        {presence.data ? (
          <UptimeBars uptime={presence.data.uptime} />
        ) : presence.error ? (
          <Failure error={presence.error} retry={() => void presence.refetch()} />
        ) : (
          <Skeleton lines={3} />
        )}
      </Card>
      <Timeline id={id} />
    </>
  );
}
