import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { AlertList } from '../../alerts/alert-list.tsx';
import { refreshAlerts } from '../../alerts/refresh.ts';
import { SilenceDialog } from '../../alerts/silence-dialog.tsx';
import { deviceSilenceQuery, newestAlertsQuery, type SilenceTarget, silence } from '../../api/alerts.ts';
import { type Device, deviceTitle } from '../../api/fleet.ts';
import { usePoll } from '../../api/live.ts';
import { useIsAdmin } from '../../api/queries.ts';
import { fullTime } from '../../format/time.ts';
import { IconButton } from '../../ui/button.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Menu } from '../../ui/menu.tsx';
import { describe, Failure } from '../../ui/notice.tsx';
import { Card } from '../../ui/page.tsx';
import { Skeleton } from '../../ui/placeholder.tsx';
import { toast, toastError } from '../../ui/toast.tsx';

const SHOWN = 5;

/** The newest alerts that fire on a device. */
export function useDeviceAlerts(id: string) {
  const poll = usePoll();
  return useQuery({ ...newestAlertsQuery({ state: 'firing', device: id }, SHOWN), refetchInterval: poll });
}

/** What fires on this device, and whether messages about it are held back. */
export function DeviceAlerts({ device }: { readonly device: Device }) {
  const { id } = device;
  const client = useQueryClient();
  const poll = usePoll();
  const isAdmin = useIsAdmin();
  const [, navigate] = useLocation();
  const [silencing, setSilencing] = useState<readonly SilenceTarget[]>();
  const alerts = useDeviceAlerts(id);
  const held = useQuery({ ...deviceSilenceQuery(id), refetchInterval: poll });
  const target = { kind: 'device' as const, id, name: deviceTitle(device) };
  const endSilence = useMutation({
    mutationFn: () => silence(target, null),
    onSuccess: () => toast(`Messages about ${target.name} are sent again`),
    onError: (error) => toastError('The silence was not ended', describe(error).message),
    onSettled: () => refreshAlerts(client),
  });
  const items = alerts.data?.items ?? [];
  const total = alerts.data?.total ?? 0;
  const until = held.data?.silencedUntil;

  return (
    <Card
      title={total > 0 ? `Alerts (${total})` : 'Alerts'}
      flush
      actions={
        <span className="row">
          <Link href={`/alerts?state=all&device=${id}`} className="link small">
            {total > SHOWN ? `All ${total}` : 'All alerts'}
          </Link>
          {isAdmin && (
            <Menu
              trigger={<IconButton small label="Alert actions" icon="more" />}
              groups={[
                [
                  {
                    label: 'Add a rule for this device',
                    icon: 'plus',
                    onSelect: () => navigate(`/alerts/rules/new?device=${id}`),
                  },
                  until
                    ? { label: 'End the silence', icon: 'bell', onSelect: () => endSilence.mutate() }
                    : { label: 'Silence…', icon: 'mute', onSelect: () => setSilencing([target]) },
                ],
              ]}
            />
          )}
        </span>
      }
    >
      {items.length > 0 ? (
        <AlertList alerts={items} label="Firing alerts of this device" ofDevice />
      ) : (
        <div className="body">
          {alerts.error ? (
            <Failure error={alerts.error} retry={() => void alerts.refetch()} />
          ) : alerts.data ? (
            <p className="quiet">Nothing is firing.</p>
          ) : (
            <Skeleton lines={1} />
          )}
        </div>
      )}
      {until && (
        <p className="quiet small card-foot row">
          <Icon name="mute" size={14} /> No messages about this device until {fullTime(until)}.
        </p>
      )}
      <SilenceDialog targets={silencing} onClose={() => setSilencing(undefined)} />
    </Card>
  );
}
