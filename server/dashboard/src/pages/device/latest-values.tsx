import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import type { Device } from '../../api/fleet.ts';
import { usePoll } from '../../api/live.ts';
import { exactText, fieldsQuery, latestQuery, valueText } from '../../api/telemetry.ts';
import { Failure } from '../../ui/notice.tsx';
import { Card } from '../../ui/page.tsx';
import { Skeleton } from '../../ui/placeholder.tsx';
import { Ago } from '../../ui/time.tsx';

/** The newest value of each field. */
export function LatestValues({ device }: { readonly device: Device }) {
  const poll = usePoll();
  const latest = useQuery({ ...latestQuery(device.id), refetchInterval: poll });
  const fields = useQuery({ ...fieldsQuery(device.id), staleTime: 30_000 });
  const units = new Map(fields.data?.items.map(({ name, unit }) => [name, unit]));
  const values = latest.data?.values ?? [];
  return (
    <Card
      title="Last values"
      actions={
        values.length > 0 && (
          <Link href={`/devices/${device.id}/data`} className="link small">
            Charts
          </Link>
        )
      }
    >
      {latest.isPending && !latest.error && <Skeleton />}
      {latest.error && !latest.data && <Failure error={latest.error} retry={() => void latest.refetch()} />}
      {latest.data && values.length === 0 && <p className="quiet">Nothing received yet.</p>}
      {values.length > 0 && (
        <ul className="values">
          {values.map(({ name, value, at }) => (
            <li key={name}>
              <span className="quiet small truncate">{name}</span>
              <span className="value truncate" title={exactText(value)}>
                {valueText(value)}
                {units.get(name) && <small> {units.get(name)}</small>}
              </span>
              <span className="quiet small">
                <Ago at={at} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
