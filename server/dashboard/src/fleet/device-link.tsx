import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { deviceQuery, deviceTitle } from '../api/fleet.ts';

interface DeviceLinkProps {
  readonly id: string;
  /** Its name where that is known; asked for otherwise. */
  readonly name?: string | undefined;
}

/** Another device by its name; the beginning of its UUID until that is known, and where it has none. */
export function DeviceLink({ id, name }: DeviceLinkProps) {
  const { data } = useQuery({
    ...deviceQuery(id),
    staleTime: 30_000,
    retry: false,
    enabled: name === undefined,
  });
  return (
    <Link href={`/devices/${id}`} className="link" title={id}>
      {name ?? (data ? deviceTitle(data) : id.slice(0, 8))}
    </Link>
  );
}
