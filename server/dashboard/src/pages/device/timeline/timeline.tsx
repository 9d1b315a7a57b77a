import { useInfiniteQuery } from '@tanstack/react-query';
import { POLL_MS } from '../../../api/live.ts';
import { readTimeline, type TimelineEvent } from '../../../api/presence.ts';
import { namedDay, useNow, zoneName } from '../../../format/time.ts';
import { Button } from '../../../ui/button.tsx';
import { Failure } from '../../../ui/notice.tsx';
import { Card } from '../../../ui/page.tsx';
import { Empty, Skeleton } from '../../../ui/placeholder.tsx';
import { KINDS, useTimelineKind } from './timeline-kinds.ts';
import { TimelineLine } from './timeline-line.tsx';

/** Everything that happened about a device in one list, newest first, by day. */
export function Timeline({ id }: { readonly id: string }) {
  const now = useNow();
  const { kind, show } = useTimelineKind();
  const timeline = useInfiniteQuery({
    queryKey: ['timeline', id, kind ?? 'all'],
    queryFn: ({ pageParam, signal }) => readTimeline(id, kind, pageParam, signal),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
    // Only the first page is live: what is being read further down stays where it is.
    refetchInterval: ({ state }) => (state.data && state.data.pages.length > 1 ? false : POLL_MS),
  });
  const items = timeline.data?.pages.flatMap((page) => page.items) ?? [];

  return (
    <Card
      title="Timeline"
      description={`Everything that happened about this device, newest first. Times are in ${zoneName()}.`}
      flush
    >
      <div className="timeline-filter">
        <fieldset className="segmented" aria-label="Kind of event">
          <button type="button" aria-pressed={kind === undefined} onClick={() => show(undefined)}>
            Everything
          </button>
          {KINDS.map(([name, label]) => (
            <button key={name} type="button" aria-pressed={kind === name} onClick={() => show(name)}>
              {label}
            </button>
          ))}
        </fieldset>
      </div>
      {timeline.error && (
        <div className="body">
          <Failure error={timeline.error} retry={() => void timeline.refetch()} />
        </div>
      )}
      {timeline.isPending && !timeline.error && (
        <div className="body">
          <Skeleton lines={8} />
        </div>
      )}
      {timeline.data && items.length === 0 && <NoEvents kind={kind} onShowAll={() => show(undefined)} />}
      {byDay(items, now).map(([day, events]) => (
        <section key={day} className="timeline-day" aria-label={day}>
          <h3>{day}</h3>
          <ol className="events">
            {events.map((event) => (
              <TimelineLine key={event.id} event={event} id={id} />
            ))}
          </ol>
        </section>
      ))}
      {items.length > 0 && (
        <div className="pager">
          {timeline.hasNextPage ? (
            <Button small busy={timeline.isFetchingNextPage} onClick={() => void timeline.fetchNextPage()}>
              Load older
            </Button>
          ) : (
            <span>That is all there is.</span>
          )}
        </div>
      )}
    </Card>
  );
}

interface NoEventsProps {
  readonly kind: TimelineEvent['kind'] | undefined;
  readonly onShowAll: () => void;
}

function NoEvents({ kind, onShowAll }: NoEventsProps) {
  const none = KINDS.find(([name]) => name === kind)?.[2];
  return (
    <Empty
      icon="clock"
      title={none ?? 'Nothing has happened yet'}
      actions={kind && <Button onClick={onShowAll}>Show everything</Button>}
    >
      {kind
        ? 'Events of this kind appear here within seconds.'
        : 'Connections, refusals, changes, commands and alerts appear here within seconds.'}
    </Empty>
  );
}

/** The events of each day of the viewer's zone, in their order. */
function byDay(events: readonly TimelineEvent[], now: number): [day: string, events: TimelineEvent[]][] {
  const days = new Map<string, TimelineEvent[]>();
  for (const event of events) {
    const day = namedDay(event.at, now);
    const known = days.get(day);
    if (known) known.push(event);
    else days.set(day, [event]);
  }
  return [...days];
}
