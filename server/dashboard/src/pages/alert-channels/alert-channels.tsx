import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { refreshAlerts } from '../../alerts/refresh.ts';
import { type AlertChannel, alertChannelsQuery, changeChannel } from '../../api/alert-channels.ts';
import { POLL_MS } from '../../api/live.ts';
import { useIsAdmin } from '../../api/queries.ts';
import { Button } from '../../ui/button.tsx';
import { describe, Failure } from '../../ui/notice.tsx';
import { Empty, Skeleton } from '../../ui/placeholder.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { AlertsFrame } from '../alerts/alerts-frame.tsx';
import { ChannelDialog } from './channel-dialog.tsx';
import { ChannelLine } from './channel-line.tsx';
import { DeleteChannelDialog } from './delete-channel-dialog.tsx';
import { TestDialog } from './test-dialog.tsx';

/** Where alerts are delivered. */
export function AlertChannels() {
  const client = useQueryClient();
  const isAdmin = useIsAdmin();
  const channels = useQuery({ ...alertChannelsQuery(), refetchInterval: POLL_MS });
  const [isAdding, setAdding] = useState(false);
  const [chosen, setChosen] = useState<{ readonly id: string; readonly what: 'edit' | 'test' | 'delete' }>();
  const channelFor = (what: string) =>
    chosen?.what === what ? channels.data?.find(({ id }) => id === chosen.id) : undefined;
  const enable = useMutation({
    mutationFn: ({ channel, enabled }: { readonly channel: AlertChannel; readonly enabled: boolean }) =>
      changeChannel(channel.id, channel.version, { enabled }),
    onSuccess: ({ name, enabled }) =>
      toast(
        `${name} ${enabled ? 'enabled' : 'disabled'}`,
        enabled ? 'It is told what fires now.' : undefined,
      ),
    onError: (error) => {
      const { message, advice } = describe(error);
      toastError(message, advice);
    },
    onSettled: () => refreshAlerts(client),
  });
  const actions = {
    changing: enable.isPending ? enable.variables.channel.id : undefined,
    onEnable: (channel: AlertChannel, enabled: boolean) => enable.mutate({ channel, enabled }),
    onTest: ({ id }: AlertChannel) => setChosen({ id, what: 'test' }),
    onEdit: ({ id }: AlertChannel) => setChosen({ id, what: 'edit' }),
    onDelete: ({ id }: AlertChannel) => setChosen({ id, what: 'delete' }),
  };
  const addChannel = isAdmin && (
    <Button kind="primary" icon="plus" onClick={() => setAdding(true)}>
      Add a channel
    </Button>
  );
  const close = () => setChosen(undefined);

  return (
    <AlertsFrame tab="channels" actions={addChannel}>
      {channels.error && <Failure error={channels.error} retry={() => void channels.refetch()} />}
      <section className="card" aria-label="Channels">
        {channels.isPending && !channels.error && (
          <div className="body">
            <Skeleton lines={4} />
          </div>
        )}
        {channels.data?.length === 0 && (
          <Empty icon="send" title="No channels yet" actions={addChannel}>
            A channel takes alerts to where somebody sees them: a webhook, e-mail, or ntfy on a phone. Rules
            say which channels are told.
          </Empty>
        )}
        {channels.data && channels.data.length > 0 && (
          <ul className="events channels" aria-label="Channels, newest first">
            {channels.data.map((channel) => (
              <ChannelLine key={channel.id} channel={channel} actions={isAdmin ? actions : undefined} />
            ))}
          </ul>
        )}
      </section>
      <ChannelDialog open={isAdding} onClose={() => setAdding(false)} />
      <ChannelDialog open={channelFor('edit') !== undefined} channel={channelFor('edit')} onClose={close} />
      <TestDialog channel={channelFor('test')} onClose={close} />
      <DeleteChannelDialog channel={channelFor('delete')} onClose={close} />
    </AlertsFrame>
  );
}
