import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { alertRulesQuery } from '../api/alert-rules.ts';
import { type Alert, deviceSilenceQuery, type SilenceTarget, silence } from '../api/alerts.ts';
import { deviceTitle } from '../api/fleet.ts';
import { fullTime } from '../format/time.ts';
import { Confirm, type Consequence } from '../ui/dialog.tsx';
import { toast } from '../ui/toast.tsx';
import { refreshAlerts } from './refresh.ts';

interface EndSilenceDialogProps {
  readonly alert: Alert | undefined;
  readonly onClose: () => void;
}

/** Ends every silence that holds back messages about an alert: its own, that of its rule, that of its device. */
export function EndSilenceDialog({ alert, onClose }: EndSilenceDialogProps) {
  const client = useQueryClient();
  const [shown, setShown] = useState(alert);
  if (alert && alert !== shown) setShown(alert);
  const rules = useQuery({ ...alertRulesQuery(), enabled: alert !== undefined });
  const device = useQuery({
    ...deviceSilenceQuery(shown?.device.id ?? ''),
    enabled: alert !== undefined,
    retry: false,
  });
  const rule = rules.data?.find(({ id }) => id === shown?.rule.id);
  const deviceUntil = device.data?.silencedUntil;
  const run = useMutation({
    mutationFn: async (targets: readonly SilenceTarget[]) => {
      for (const target of targets) await silence(target, null);
    },
    onSuccess: () => {
      toast('Messages are sent again');
      onClose();
    },
    onSettled: () => refreshAlerts(client),
  });
  if (!shown) return null;
  const title = deviceTitle(shown.device);
  const consequences: Consequence[] = [
    { icon: 'bell', text: 'Messages about this alert are sent from now on.' },
    ...(rule?.silencedUntil
      ? [
          {
            icon: 'alert' as const,
            text: `The rule “${rule.name}” is silenced until ${fullTime(rule.silencedUntil)}. That ends as well, for all its devices.`,
          },
        ]
      : []),
    ...(deviceUntil
      ? [
          {
            icon: 'device' as const,
            text: `The device “${title}” is silenced until ${fullTime(deviceUntil)}. That ends as well, for all rules.`,
          },
        ]
      : []),
  ];
  const targets: SilenceTarget[] = [
    { kind: 'alert', id: shown.id },
    ...(rule?.silencedUntil ? [{ kind: 'rule' as const, id: rule.id, name: rule.name }] : []),
    ...(deviceUntil ? [{ kind: 'device' as const, id: shown.device.id, name: title }] : []),
  ];
  return (
    <Confirm
      open={alert !== undefined}
      onClose={() => {
        run.reset();
        onClose();
      }}
      title="End the silence?"
      consequences={consequences}
      confirm="End the silence"
      busy={run.isPending || rules.isPending || device.isPending}
      error={run.error}
      onConfirm={() => run.mutate(targets)}
    />
  );
}
