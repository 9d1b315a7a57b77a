import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { answer } from '../../api/answer.ts';
import { api } from '../../api/client.ts';
import type { AuditQuery } from '../../api/fleet.ts';
import { POLL_MS } from '../../api/live.ts';
import { EventLine } from '../../events/event-line.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/notice.tsx';
import { Empty, Skeleton } from '../../ui/placeholder.tsx';

/** Events, newest first; each opens to show what it changed. */
export function AuditList({ query }: { readonly query: AuditQuery }) {
  const entries = useInfiniteQuery({
    queryKey: ['audit', 'list', query],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.audit.$get(
          { query: { ...query, limit: '50', ...(pageParam ? { cursor: pageParam } : {}) } },
          { init: { signal } },
        ),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
    // Only the first page is live: what is being read further down stays where it is.
    refetchInterval: ({ state }) => (state.data && state.data.pages.length > 1 ? false : POLL_MS),
  });
  const items = entries.data?.pages.flatMap((page) => page.items) ?? [];

  if (entries.error && items.length === 0) {
    return (
      <div className="body">
        <Failure error={entries.error} retry={() => void entries.refetch()} />
      </div>
    );
  }
  if (entries.isPending) {
    return (
      <div className="body">
        <Skeleton lines={8} />
      </div>
    );
  }
  if (items.length === 0) {
    return (
      <Empty icon="audit" title="Nothing here">
        No event matches. The log keeps every change by operators, devices and the server.
      </Empty>
    );
  }
  return (
    <>
      <ol className="events">
        {items.map((entry) => (
          <EventLine key={entry.id} entry={entry} />
        ))}
      </ol>
      {entries.hasNextPage && (
        <div className="pager">
          <Button small busy={entries.isFetchingNextPage} onClick={() => void entries.fetchNextPage()}>
            Older events
          </Button>
        </div>
      )}
    </>
  );
}
