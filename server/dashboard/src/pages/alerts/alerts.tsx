import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { AlertList } from '../../alerts/alert-list.tsx';
import { alertRulesQuery } from '../../api/alert-rules.ts';
import { readAlerts } from '../../api/alerts.ts';
import { POLL_MS, usePoll } from '../../api/live.ts';
import { useIsAdmin } from '../../api/queries.ts';
import { plural } from '../../format/number.ts';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { Failure } from '../../ui/notice.tsx';
import { Empty, Skeleton } from '../../ui/placeholder.tsx';
import { type AlertFilterState, useAlertFilter } from './alert-filter.ts';
import { AlertToolbar } from './alert-toolbar.tsx';
import { AlertsFrame } from './alerts-frame.tsx';

/** What fires and what has fired, as it happens. */
export function Alerts() {
  const state = useAlertFilter();
  const isAdmin = useIsAdmin();
  const poll = usePoll();
  const list = useInfiniteQuery({
    queryKey: ['alerts', 'list', state.filter],
    queryFn: ({ pageParam, signal }) => readAlerts(state.filter, pageParam, signal),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state: { data } }) => (data && data.pages.length > 1 ? false : poll),
  });
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  const total = list.data?.pages[0]?.total ?? 0;

  return (
    <AlertsFrame
      tab="alerts"
      actions={
        isAdmin && (
          <ButtonLink href="/alerts/rules/new" kind="primary" icon="plus">
            Add a rule
          </ButtonLink>
        )
      }
    >
      <AlertToolbar state={state} />
      <section className="card" aria-label="Alerts">
        {list.error && items.length === 0 && (
          <div className="body">
            <Failure error={list.error} retry={() => void list.refetch()} />
          </div>
        )}
        {list.isPending && !list.error && (
          <div className="body">
            <Skeleton lines={6} />
          </div>
        )}
        {list.data && items.length === 0 && <NoAlerts state={state} />}
        {items.length > 0 && <AlertList alerts={items} label="Alerts, newest first" />}
        {items.length > 0 && (
          <div className="pager">
            <span role="status">{plural(total, 'alert')}</span>
            {list.hasNextPage && (
              <Button small busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
                Older alerts
              </Button>
            )}
          </div>
        )}
      </section>
    </AlertsFrame>
  );
}

function NoAlerts({ state: { view, isNarrowed } }: { readonly state: AlertFilterState }) {
  const isAdmin = useIsAdmin();
  const rules = useQuery({ ...alertRulesQuery(), refetchInterval: POLL_MS });
  if (isNarrowed) {
    return (
      <Empty icon="search" title="No alert matches">
        Take a filter away to see more.
      </Empty>
    );
  }
  if (rules.data?.length === 0) {
    return (
      <Empty
        icon="bell"
        title="Nothing is watched yet"
        actions={
          isAdmin && (
            <ButtonLink href="/alerts/rules/new" kind="primary" icon="plus">
              Add a rule
            </ButtonLink>
          )
        }
      >
        A rule says when to raise an alert: a value beyond a limit, no records, a device that is offline or
        flapping, records that were lost.
      </Empty>
    );
  }
  if (view === 'firing') {
    return (
      <Empty
        icon="check"
        title="Nothing is firing"
        actions={<ButtonLink href="/alerts?state=resolved">Past alerts</ButtonLink>}
      >
        {rules.data && `${plural(rules.data.filter(({ enabled }) => enabled).length, 'rule')} in effect. `}
        New alerts appear here within a second or two.
      </Empty>
    );
  }
  return (
    <Empty icon="bell" title="No alerts yet">
      Alerts that were resolved are kept for 90 days.
    </Empty>
  );
}
