import { useQuery } from '@tanstack/react-query';
import { POLL_MS } from '../../api/live.ts';
import { rejectsQuery } from '../../api/telemetry.ts';
import { DeviceLink } from '../../fleet/device-link.tsx';
import { Card } from '../../ui/page.tsx';
import { Ago } from '../../ui/time.tsx';

/** Messages that could not be stored, with why; nothing while there are none. */
export function RejectsCard() {
  const { data } = useQuery({ ...rejectsQuery(), refetchInterval: POLL_MS });
  if (!data || data.items.length === 0) return null;
  return (
    <Card
      title="Messages that could not be stored"
      description="Kept for a day. Fix what the device sends; the reason says what is wrong with it."
      flush
    >
      <div className="table-frame">
        <table className="table table-dense">
          <caption className="visually-hidden">Messages that could not be stored, newest first</caption>
          <thead>
            <tr>
              <th scope="col">Received</th>
              <th scope="col">Device</th>
              <th scope="col">Reason</th>
              <th scope="col" className="hide-s">
                Message
              </th>
            </tr>
          </thead>
          <tbody>
            {data.items.map((reject) => (
              <tr key={reject.id}>
                <td>
                  <Ago at={reject.receivedAt} />
                </td>
                <td>{reject.device ? <DeviceLink id={reject.device} /> : <code>{reject.topic}</code>}</td>
                <td>{reject.reason.replaceAll('_', ' ')}</td>
                <td className="hide-s">
                  <code className="record">{reject.payload.slice(0, 120)}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
