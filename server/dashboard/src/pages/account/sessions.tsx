import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { answer, settled } from '../../api/answer.ts';
import { api } from '../../api/client.ts';
import { POLL_MS } from '../../api/live.ts';
import { Button } from '../../ui/button.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Failure } from '../../ui/notice.tsx';
import { Card } from '../../ui/page.tsx';
import { Skeleton } from '../../ui/placeholder.tsx';
import { Ago } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';

interface SessionsProps {
  readonly ownId: string;
  readonly isAdmin: boolean;
}

/** Where one is signed in, with a way out of each and of all. */
export function Sessions({ ownId, isAdmin }: SessionsProps) {
  const client = useQueryClient();
  const sessions = useQuery({
    queryKey: ['sessions'],
    queryFn: () => answer(api.sessions.$get()),
    refetchInterval: POLL_MS,
  });
  const items = sessions.data?.items ?? [];
  const others = items.filter(({ current }) => !current);
  const end = useMutation({
    mutationFn: async (ids: readonly string[]) => {
      // One request where that is allowed; a viewer ends their sessions one by one.
      if (isAdmin && ids.length > 1) {
        await settled(api.operators[':id'].sessions.$delete({ param: { id: ownId } }));
        return;
      }
      for (const id of ids) await settled(api.sessions[':id'].$delete({ param: { id } }));
    },
    onSuccess: (_, ids) => toast(ids.length > 1 ? 'Signed out everywhere else' : 'Session ended'),
    onSettled: () => client.invalidateQueries({ queryKey: ['sessions'] }),
  });

  return (
    <Card
      title="Sessions"
      description="Where you are signed in. A session ends after 12 hours without use."
      actions={
        others.length > 0 && (
          <Button
            small
            icon="signout"
            busy={end.isPending && (end.variables?.length ?? 0) > 1}
            onClick={() => end.mutate(others.map(({ id }) => id))}
          >
            Sign out everywhere else
          </Button>
        )
      }
    >
      {sessions.error && <Failure error={sessions.error} retry={() => void sessions.refetch()} />}
      {end.error && <Failure error={end.error} />}
      {sessions.isPending && !sessions.error && <Skeleton />}
      <ul className="lines">
        {items.map((session) => (
          <li key={session.id} className="spread">
            <span className="row grow">
              <Icon name="screen" size={18} />
              <span className="grow">
                <span className="strong">{browserOf(session.userAgent)}</span>
                {session.current && <span className="badge accent this-one">this one</span>}
                <span className="quiet small block">
                  {session.address} · signed in <Ago at={session.createdAt} /> · last used{' '}
                  <Ago at={session.lastUsedAt} />
                </span>
              </span>
            </span>
            {!session.current && (
              <Button
                small
                aria-label={`End the session of ${browserOf(session.userAgent)} at ${session.address}`}
                onClick={() => end.mutate([session.id])}
              >
                End
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

const BROWSERS = [
  ['Edg/', 'Edge'],
  ['OPR/', 'Opera'],
  ['Firefox/', 'Firefox'],
  ['Chrome/', 'Chrome'],
  ['Safari/', 'Safari'],
] as const;
const SYSTEMS = [
  ['Android', 'Android'],
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Windows', 'Windows'],
  ['Mac OS', 'macOS'],
  ['Linux', 'Linux'],
] as const;

function browserOf(userAgent: string): string {
  const browser = BROWSERS.find(([mark]) => userAgent.includes(mark))?.[1];
  const system = SYSTEMS.find(([mark]) => userAgent.includes(mark))?.[1];
  if (!browser) return userAgent.slice(0, 40) || 'Unknown browser';
  return system ? `${browser} on ${system}` : browser;
}
