import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { usePoll } from '../../../api/live.ts';
import { type DeviceSession, presenceQuery, readSessions } from '../../../api/presence.ts';
import { duration, useNow } from '../../../format/time.ts';
import { Button } from '../../../ui/button.tsx';
import { Failure } from '../../../ui/notice.tsx';
import { Card } from '../../../ui/page.tsx';
import { Empty, Skeleton } from '../../../ui/placeholder.tsx';
import { FullTime } from '../../../ui/time.tsx';
import { UptimeBars } from './uptime-bars.tsx';

/** When the device was connected, and why each of its sessions ended. */
export function SessionsTab({ id }: { readonly id: string }) {
  const poll = usePoll();
  const presence = useQuery({ ...presenceQuery(id), refetchInterval: poll });
  const sessions = useInfiniteQuery({
    queryKey: ['presence', id, 'sessions'],
    queryFn: ({ pageParam }) => readSessions(id, pageParam),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 1) === 1 ? poll : false),
  });
  const items = sessions.data?.pages.flatMap((page) => page.items) ?? [];
  const failure = presence.error ?? sessions.error;

  return (
    <>
      {failure && <Failure error={failure} retry={() => void sessions.refetch()} />}
      <Card title="Uptime" description="Share of each day for which the device was connected.">
        {presence.data ? <UptimeBars uptime={presence.data.uptime} /> : <Skeleton lines={3} />}
      </Card>
      <Card title="Sessions" description="On the broker, newest first. Kept for 90 days." flush>
        {sessions.isPending && !sessions.error && (
          <div className="body">
            <Skeleton lines={5} />
          </div>
        )}
        {sessions.data && items.length === 0 && (
          <Empty icon="wave" title="No sessions yet">
            Each connection to the broker appears here with its address and why it ended.
          </Empty>
        )}
        {items.length > 0 && <SessionTable sessions={items} />}
        {sessions.hasNextPage && (
          <div className="pager">
            <Button small busy={sessions.isFetchingNextPage} onClick={() => void sessions.fetchNextPage()}>
              Older sessions
            </Button>
          </div>
        )}
      </Card>
    </>
  );
}

function SessionTable({ sessions }: { readonly sessions: readonly DeviceSession[] }) {
  const now = useNow();
  return (
    <div className="table-frame">
      <table className="table">
        <caption className="visually-hidden">Sessions, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Connected</th>
            <th scope="col">Lasted</th>
            <th scope="col">Why it ended</th>
            <th scope="col" className="hide-m">
              Address
            </th>
            <th scope="col" className="hide-m numeric">
              Keep-alive
            </th>
          </tr>
        </thead>
        <tbody>
          {sessions.map((session) => (
            <tr key={session.connectedAt} className="session-row">
              <td className="session-start">
                <FullTime at={session.connectedAt} />
              </td>
              <td className="nowrap numbers">{duration(lengthMs(session, now))}</td>
              <td>
                {session.disconnectedAt === null ? (
                  <span className="status">
                    <span className="dot good" aria-hidden="true" />
                    Connected
                  </span>
                ) : (
                  <span title={session.reason ?? undefined}>{session.why ?? 'Not known.'}</span>
                )}
              </td>
              <td className="hide-m">
                <code>{session.address ?? '–'}</code>
              </td>
              <td className="hide-m numeric">
                {session.keepAliveSeconds === null ? '–' : `${session.keepAliveSeconds} s`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function lengthMs({ connectedAt, disconnectedAt }: DeviceSession, now: number): number {
  return (disconnectedAt === null ? now : Date.parse(disconnectedAt)) - Date.parse(connectedAt);
}
