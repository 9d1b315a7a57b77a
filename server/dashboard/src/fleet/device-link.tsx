import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { deviceQuery, deviceTitle } from '../api/fleet.ts';

/** Another device by its name, which is asked for; its UUID until then. */
export function DeviceLink({ id }: { readonly id: string }) {
  const { data } = useQuery({ ...deviceQuery(id), staleTime: 30_000, retry: false });
  return (
    <Link href={`/devices/${id}`} className="link" title={id}>
      {data ? deviceTitle(data) : id.slice(0, 8)}
    </Link>
  );
}
