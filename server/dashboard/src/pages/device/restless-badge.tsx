import { useQuery } from '@tanstack/react-query';
import { usePoll } from '../../api/live.ts';
import { presenceQuery } from '../../api/presence.ts';

/** Flags a device that keeps reconnecting, or whose UUID two devices may have. The diagnosis says what to do. */
export function RestlessBadge({ id }: { readonly id: string }) {
  const poll = usePoll();
  const { data } = useQuery({ ...presenceQuery(id), refetchInterval: poll });
  if (data?.conflict) return <span className="badge bad">Client id conflict</span>;
  if (data?.flapping) {
    return <span className="badge warn">Flapping: {data.connects} connects in 10 min</span>;
  }
  return null;
}
