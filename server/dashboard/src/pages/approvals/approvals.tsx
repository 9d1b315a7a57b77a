import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { devicesQuery } from '../../api/fleet.ts';
import { usePoll } from '../../api/live.ts';
import { useIsAdmin } from '../../api/queries.ts';
import { ActionDialog, type ActionRequest } from '../../fleet/action-dialog.tsx';
import { roleName } from '../../fleet/device-status.tsx';
import { count } from '../../format/number.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Empty, Skeleton } from '../../ui/placeholder.tsx';
import { Ago } from '../../ui/time.tsx';

const SHOWN = '100';

/** Devices that asked to be let in. */
export function Approvals() {
  const isAdmin = useIsAdmin();
  const poll = usePoll();
  const [action, setAction] = useState<ActionRequest>();
  const pending = useQuery({
    ...devicesQuery({ state: 'pending', sort: 'createdAt', order: 'asc', limit: SHOWN }),
    placeholderData: keepPreviousData,
    refetchInterval: poll,
  });
  const devices = pending.data?.items ?? [];
  const total = pending.data?.total ?? 0;

  return (
    <Page
      title="Approvals"
      description="Devices that showed a good credential and wait to be let in. They ask again by themselves."
      actions={
        isAdmin &&
        devices.length > 1 && (
          <Button kind="primary" icon="approve" onClick={() => setAction({ name: 'approve', devices })}>
            {total > devices.length ? 'Approve these' : 'Approve all'} {devices.length}
          </Button>
        )
      }
    >
      {pending.error && <Failure error={pending.error} retry={() => void pending.refetch()} />}
      <div className="card">
        {pending.isPending && !pending.error && (
          <div className="body">
            <Skeleton lines={4} />
          </div>
        )}
        {pending.data && devices.length === 0 && (
          <Empty icon="approve" title="Nobody is waiting">
            With <code>ENROLLMENT=approval</code> a device that is not registered yet appears here after its
            first request. You approve it, and it connects.
          </Empty>
        )}
        {devices.length > 0 && (
          <div className="table-frame">
            <table className="table">
              <caption className="visually-hidden">Devices that wait for approval, longest first</caption>
              <thead>
                <tr>
                  <th scope="col">UUID</th>
                  <th scope="col">Role</th>
                  <th scope="col" className="hide-s">
                    First asked
                  </th>
                  <th scope="col" className="hide-s">
                    Last seen
                  </th>
                  <th scope="col">
                    <span className="visually-hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {devices.map((device) => (
                  <tr key={device.id}>
                    <td>
                      <Link href={`/devices/${device.id}`} className="link">
                        <code className="uuid-cell">{device.id}</code>
                      </Link>
                    </td>
                    <td>{roleName(device.role)}</td>
                    <td className="hide-s">
                      <Ago at={device.createdAt} />
                    </td>
                    <td className="hide-s">
                      <Ago at={device.lastSeenAt} />
                    </td>
                    <td className="end">
                      {isAdmin && (
                        <span className="row end-actions">
                          <Button small onClick={() => setAction({ name: 'reject', devices: [device] })}>
                            Reject
                          </Button>
                          <Button
                            small
                            kind="primary"
                            onClick={() => setAction({ name: 'approve', devices: [device] })}
                          >
                            Approve
                          </Button>
                        </span>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {total > devices.length && (
          <div className="pager">
            <span role="status">
              The {count(devices.length)} that wait longest, of {count(total)}.
            </span>
          </div>
        )}
      </div>
      <ActionDialog request={action} onClose={() => setAction(undefined)} />
    </Page>
  );
}
