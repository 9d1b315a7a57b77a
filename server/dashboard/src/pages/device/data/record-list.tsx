import { useInfiniteQuery } from '@tanstack/react-query';
import { usePoll } from '../../../api/live.ts';
import { readRecords, type TimeRange } from '../../../api/telemetry.ts';
import { fullTime } from '../../../format/time.ts';
import { Button } from '../../../ui/button.tsx';
import { Failure } from '../../../ui/notice.tsx';
import { Empty, Skeleton } from '../../../ui/placeholder.tsx';

interface RecordListProps {
  readonly id: string;
  readonly range: TimeRange;
  readonly rangeKey: string;
  /** Whether new records are looked for. */
  readonly live: boolean;
}

/** The records themselves, newest first. */
export function RecordList({ id, range, rangeKey, live }: RecordListProps) {
  const poll = usePoll();
  const records = useInfiniteQuery({
    queryKey: ['latest', id, 'records', rangeKey],
    queryFn: ({ pageParam }) => readRecords(id, range, pageParam),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: ({ state }) => (live && (state.data?.pages.length ?? 1) === 1 ? poll : false),
  });
  const items = records.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="card">
      {records.error && items.length === 0 && (
        <div className="body">
          <Failure error={records.error} retry={() => void records.refetch()} />
        </div>
      )}
      {records.isPending && !records.error && (
        <div className="body">
          <Skeleton lines={6} />
        </div>
      )}
      {records.data && items.length === 0 && (
        <Empty icon="wave" title="No records in this period">
          Choose a longer one.
        </Empty>
      )}
      {items.length > 0 && (
        <div className="table-frame">
          <table className="table table-dense">
            <caption className="visually-hidden">Records, newest first</caption>
            <thead>
              <tr>
                <th scope="col">Measured</th>
                <th scope="col" className="hide-m">
                  Received
                </th>
                <th scope="col">Record</th>
              </tr>
            </thead>
            <tbody>
              {items.map((record, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: two records may be alike in everything, and a row keeps nothing
                <tr key={at}>
                  <td className="numbers nowrap">{fullTime(record.at)}</td>
                  <td className="numbers nowrap hide-m">{fullTime(record.received)}</td>
                  <td>
                    <code className="record">{JSON.stringify(record.data)}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {records.hasNextPage && (
        <div className="pager">
          <Button small busy={records.isFetchingNextPage} onClick={() => void records.fetchNextPage()}>
            Older records
          </Button>
        </div>
      )}
    </div>
  );
}
