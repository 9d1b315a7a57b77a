import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type Alert, acknowledgeAlert, type SilenceTarget } from '../api/alerts.ts';
import { deviceTitle } from '../api/fleet.ts';
import { useIsAdmin } from '../api/queries.ts';
import { describe } from '../ui/notice.tsx';
import { toast, toastError } from '../ui/toast.tsx';
import { AlertLine } from './alert-line.tsx';
import { EndSilenceDialog } from './end-silence-dialog.tsx';
import { refreshAlerts } from './refresh.ts';
import { SilenceDialog } from './silence-dialog.tsx';

interface AlertListProps {
  readonly alerts: readonly Alert[];
  readonly label: string;
  readonly ofDevice?: boolean;
}

/** Alerts, with what administrators may do with those that fire. */
export function AlertList({ alerts, label, ofDevice = false }: AlertListProps) {
  const client = useQueryClient();
  const isAdmin = useIsAdmin();
  const [silencing, setSilencing] = useState<readonly SilenceTarget[]>();
  const [ending, setEnding] = useState<Alert>();
  const acknowledge = useMutation({
    mutationFn: ({ id }: Alert) => acknowledgeAlert(id),
    onSuccess: ({ rule, device }) => toast('Acknowledged', `${rule.name}, ${deviceTitle(device)}`),
    onError: (error) => toastError('Not acknowledged', describe(error).message),
    onSettled: () => refreshAlerts(client),
  });
  const actions = {
    acknowledging: acknowledge.isPending ? acknowledge.variables.id : undefined,
    onAcknowledge: (alert: Alert) => acknowledge.mutate(alert),
    onSilence: (alert: Alert) => setSilencing(targetsOf(alert)),
    onEndSilence: setEnding,
  };
  return (
    <>
      <ol className="events alerts" aria-label={label}>
        {alerts.map((alert) => (
          <AlertLine
            key={alert.id}
            alert={alert}
            ofDevice={ofDevice}
            actions={isAdmin ? actions : undefined}
          />
        ))}
      </ol>
      <SilenceDialog targets={silencing} onClose={() => setSilencing(undefined)} />
      <EndSilenceDialog alert={ending} onClose={() => setEnding(undefined)} />
    </>
  );
}

function targetsOf({ id, rule, device }: Alert): SilenceTarget[] {
  return [
    { kind: 'alert', id },
    ...(rule.id === null ? [] : [{ kind: 'rule' as const, id: rule.id, name: rule.name }]),
    { kind: 'device', id: device.id, name: deviceTitle(device) },
  ];
}
