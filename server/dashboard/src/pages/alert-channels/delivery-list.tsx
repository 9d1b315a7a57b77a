import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useSearchParams } from 'wouter';
import { type AlertDelivery, type DeliveryState, readDeliveries } from '../../api/alert-channels.ts';
import { POLL_MS } from '../../api/live.ts';
import { plural } from '../../format/number.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/notice.tsx';
import { Card } from '../../ui/page.tsx';
import { Empty, Skeleton } from '../../ui/placeholder.tsx';
import { Ago } from '../../ui/time.tsx';

const STATES: Readonly<Record<DeliveryState, { readonly word: string; readonly tone: string }>> = {
  queued: { word: 'Waiting', tone: 'warn' },
  delivered: { word: 'Delivered', tone: 'good' },
  failed: { word: 'Failed', tone: 'bad' },
};
const NAMES = Object.keys(STATES) as DeliveryState[];

/** The messages of a channel, newest first. */
export function DeliveryList({ id }: { readonly id: string }) {
  const [params, setParams] = useSearchParams();
  const state = NAMES.find((name) => name === params.get('state'));
  const deliveries = useInfiniteQuery({
    queryKey: ['alert-channels', 'deliveries', id, state],
    queryFn: ({ pageParam }) => readDeliveries(id, state, pageParam),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state: { data } }) => (data && data.pages.length > 1 ? false : POLL_MS),
  });
  const items = deliveries.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Card
      title="Deliveries"
      flush
      actions={
        <select
          className="input small-select"
          aria-label="State"
          value={state ?? ''}
          onChange={(event) =>
            setParams(event.target.value ? { state: event.target.value } : {}, { replace: true })
          }
        >
          <option value="">Any state</option>
          {NAMES.map((name) => (
            <option key={name} value={name}>
              {STATES[name].word}
            </option>
          ))}
        </select>
      }
    >
      {deliveries.error && items.length === 0 && (
        <div className="body">
          <Failure error={deliveries.error} retry={() => void deliveries.refetch()} />
        </div>
      )}
      {deliveries.isPending && !deliveries.error && (
        <div className="body">
          <Skeleton lines={4} />
        </div>
      )}
      {deliveries.data && items.length === 0 && (
        <Empty icon="send" title={state ? 'No message is in this state' : 'No messages yet'}>
          {state
            ? 'Choose another state.'
            : 'What this channel is told appears here: alerts of the rules that name it.'}
        </Empty>
      )}
      {items.length > 0 && <DeliveryTable deliveries={items} />}
      {deliveries.hasNextPage && (
        <div className="pager">
          <Button small busy={deliveries.isFetchingNextPage} onClick={() => void deliveries.fetchNextPage()}>
            Older messages
          </Button>
        </div>
      )}
    </Card>
  );
}

function DeliveryTable({ deliveries }: { readonly deliveries: readonly AlertDelivery[] }) {
  return (
    <div className="table-frame">
      <table className="table">
        <caption className="visually-hidden">Messages, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Message</th>
            <th scope="col">State</th>
            <th scope="col" className="hide-s">
              Attempts
            </th>
            <th scope="col" className="hide-s">
              Made
            </th>
          </tr>
        </thead>
        <tbody>
          {deliveries.map((delivery) => (
            <tr key={delivery.id}>
              <td>
                <span className="block">{delivery.title}</span>
                {delivery.error && <span className="block small bad-text">{delivery.error}</span>}
              </td>
              <td className="nowrap">
                <span className={`badge ${STATES[delivery.state].tone}`}>{STATES[delivery.state].word}</span>
              </td>
              <td className="hide-s">
                {plural(delivery.attempts, 'attempt')}
                {delivery.status !== null && <span className="quiet">, HTTP {delivery.status}</span>}
                {delivery.state === 'queued' && delivery.nextAttemptAt && (
                  <span className="block small quiet">
                    next <Ago at={delivery.nextAttemptAt} />
                  </span>
                )}
              </td>
              <td className="hide-s">
                <Ago at={delivery.createdAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
