import { useQuery } from '@tanstack/react-query';
import { Suspense, useState } from 'react';
import { useLocation } from 'wouter';
import { failureKind } from '../../api/answer.ts';
import { type Device, deviceQuery, deviceTitle } from '../../api/fleet.ts';
import { useLiveRecords, usePoll } from '../../api/live.ts';
import { useIsAdmin } from '../../api/queries.ts';
import { ActionDialog, type ActionRequest } from '../../fleet/action-dialog.tsx';
import { type ActionName, actions } from '../../fleet/actions.ts';
import { StatusBadge } from '../../fleet/device-status.tsx';
import { Button, ButtonLink, IconButton } from '../../ui/button.tsx';
import { Menu, type MenuEntry } from '../../ui/menu.tsx';
import { Failure } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Empty, Skeleton } from '../../ui/placeholder.tsx';
import { Tabs } from '../../ui/tabs.tsx';
import { DeviceOverview } from './device-overview.tsx';
import { DiagnosisNotice } from './diagnosis-notice.tsx';
import { EditDialog } from './edit-dialog.tsx';
import { KeyCard } from './key-card.tsx';
import { PairDialog } from './pair-dialog.tsx';
import { RestlessBadge } from './restless-badge.tsx';
import { CommandsTab, DataTab, TimelineTab } from './tabs.ts';

const BACK = { href: '/devices', label: 'Devices' };

interface DevicePageProps {
  readonly id: string;
  readonly tab: string | undefined;
}

/** Everything about one device. */
export function DevicePage({ id, tab }: DevicePageProps) {
  const poll = usePoll();
  const device = useQuery({ ...deviceQuery(id), refetchInterval: poll });
  const kind = failureKind(device.error);
  if (!device.data || kind === 'not-found') {
    return (
      <Page title="Device" back={BACK}>
        {device.isPending ? (
          <div className="card">
            <div className="body">
              <Skeleton lines={6} />
            </div>
          </div>
        ) : kind === 'not-found' || kind === 'bad-request' ? (
          <div className="card">
            <Empty
              icon="device"
              title="No such device"
              actions={<ButtonLink href="/devices">All devices</ButtonLink>}
            >
              It was deleted, or the address is not right. The audit log knows what became of it.
            </Empty>
          </div>
        ) : (
          <Failure error={device.error} retry={() => void device.refetch()} />
        )}
      </Page>
    );
  }
  return <Loaded device={device.data} tab={tab ?? 'overview'} />;
}

function Loaded({ device, tab }: { readonly device: Device; readonly tab: string }) {
  useLiveRecords([device.id]);
  const isAdmin = useIsAdmin();
  const [, navigate] = useLocation();
  const [action, setAction] = useState<ActionRequest>();
  const [dialog, setDialog] = useState<'edit' | 'pair'>();
  const base = `/devices/${device.id}`;
  const tabs = [
    { href: base, label: 'Overview', isHere: tab === 'overview' },
    { href: `${base}/data`, label: 'Data', isHere: tab === 'data' },
    { href: `${base}/commands`, label: 'Commands', isHere: tab === 'commands' },
    { href: `${base}/timeline`, label: 'Timeline', isHere: tab === 'timeline' },
    ...(isAdmin ? [{ href: `${base}/flash`, label: 'Key and sketch', isHere: tab === 'flash' }] : []),
  ];
  const ask = (name: ActionName) => setAction({ name, devices: [device] });
  const entry = (name: ActionName): MenuEntry => ({
    label: actions[name].label,
    icon: actions[name].icon,
    danger: actions[name].danger ?? false,
    onSelect: () => ask(name),
  });
  const applying = (names: readonly ActionName[]) => names.filter((name) => actions[name].appliesTo(device));

  return (
    <Page
      title={deviceTitle(device)}
      heading={
        <span className="device-title">
          <span className="truncate">{deviceTitle(device)}</span> <StatusBadge device={device} />{' '}
          <RestlessBadge id={device.id} />
        </span>
      }
      back={BACK}
      actions={
        isAdmin && (
          <>
            {device.state === 'pending' ? (
              <>
                <Button onClick={() => ask('reject')}>Reject</Button>
                <Button kind="primary" onClick={() => ask('approve')}>
                  Approve
                </Button>
              </>
            ) : device.state === 'revoked' ? (
              <Button kind="primary" icon="undo" onClick={() => ask('restore')}>
                Restore
              </Button>
            ) : (
              <Button icon="edit" onClick={() => setDialog('edit')}>
                Edit
              </Button>
            )}
            <Menu
              trigger={<IconButton label="More actions" icon="more" />}
              groups={[
                [
                  ...(device.state === 'active'
                    ? []
                    : [{ label: 'Edit', icon: 'edit' as const, onSelect: () => setDialog('edit') }]),
                  ...(device.role === 'agent' && device.state === 'active'
                    ? [{ label: 'Pair…', icon: 'link' as const, onSelect: () => setDialog('pair') }]
                    : []),
                  ...applying(['unpair', 'rotate', 'replaceKey']).map(entry),
                ],
                applying(['revoke', 'delete']).map(entry),
              ]}
            />
          </>
        )
      }
    >
      <DiagnosisNotice id={device.id} />
      <Tabs label="Device" tabs={tabs} />
      {tab === 'overview' && (
        <DeviceOverview device={device} onPair={() => setDialog('pair')} onUnpair={() => ask('unpair')} />
      )}
      {tab === 'data' && (
        <Suspense fallback={<Skeleton lines={6} />}>
          <DataTab device={device} />
        </Suspense>
      )}
      {tab === 'commands' && (
        <Suspense fallback={<Skeleton lines={6} />}>
          <CommandsTab device={device} />
        </Suspense>
      )}
      {tab === 'timeline' && (
        <Suspense fallback={<Skeleton lines={6} />}>
          <TimelineTab id={device.id} />
        </Suspense>
      )}
      {tab === 'flash' &&
        (isAdmin ? (
          // A key that was replaced is not shown any longer.
          <KeyCard key={device.generation} device={device} />
        ) : (
          <div className="card">
            <Empty icon="shield" title="Requires an administrator">
              Whoever holds the key can connect as this device. Ask an administrator for it.
            </Empty>
          </div>
        ))}
      <ActionDialog
        request={action}
        onClose={() => setAction(undefined)}
        onDone={(name) => (name === 'delete' || name === 'reject') && navigate('/devices')}
      />
      <EditDialog device={device} open={dialog === 'edit'} onClose={() => setDialog(undefined)} />
      <PairDialog device={device} open={dialog === 'pair'} onClose={() => setDialog(undefined)} />
    </Page>
  );
}
