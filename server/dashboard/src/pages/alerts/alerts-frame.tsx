import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { DisabledChannels } from '../../alerts/disabled-channels.tsx';
import { alertSummaryQuery } from '../../api/alerts.ts';
import { usePoll } from '../../api/live.ts';
import { Page } from '../../ui/page.tsx';
import { Tabs } from '../../ui/tabs.tsx';

interface AlertsFrameProps {
  readonly tab: 'alerts' | 'rules' | 'channels';
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

const TITLES = { alerts: 'Alerts', rules: 'Alert rules', channels: 'Alert channels' };

/** The frame of what belongs to alerts. */
export function AlertsFrame({ tab, actions, children }: AlertsFrameProps) {
  const poll = usePoll();
  const summary = useQuery({ ...alertSummaryQuery(), refetchInterval: poll });
  const firing = summary.data?.firing ?? 0;
  return (
    <Page title={TITLES[tab]} actions={actions}>
      <Tabs
        label="Alerts"
        tabs={[
          { href: '/alerts', label: firing > 0 ? `Alerts (${firing})` : 'Alerts', isHere: tab === 'alerts' },
          { href: '/alerts/rules', label: 'Rules', isHere: tab === 'rules' },
          { href: '/alerts/channels', label: 'Channels', isHere: tab === 'channels' },
        ]}
      />
      {tab !== 'channels' && <DisabledChannels count={summary.data?.disabledChannels ?? 0} />}
      {children}
    </Page>
  );
}
