import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { CHANNEL_KINDS, describeTarget } from '../../alerts/describe-channel.ts';
import { type AlertChannel, alertChannelQuery } from '../../api/alert-channels.ts';
import { failureKind } from '../../api/answer.ts';
import { POLL_MS } from '../../api/live.ts';
import { useIsAdmin } from '../../api/queries.ts';
import { count } from '../../format/number.ts';
import { Button, ButtonLink, IconButton } from '../../ui/button.tsx';
import { Menu } from '../../ui/menu.tsx';
import { Failure, Notice } from '../../ui/notice.tsx';
import { Card, Page } from '../../ui/page.tsx';
import { Empty, Skeleton } from '../../ui/placeholder.tsx';
import { Ago } from '../../ui/time.tsx';
import { ChannelDialog } from './channel-dialog.tsx';
import { DeleteChannelDialog } from './delete-channel-dialog.tsx';
import { DeliveryList } from './delivery-list.tsx';
import { SecretDialog } from './secret-dialog.tsx';
import { TestDialog } from './test-dialog.tsx';

const BACK = { href: '/alerts/channels', label: 'Alert channels' };

/** A channel with what it delivered. */
export function AlertChannelPage({ id }: { readonly id: string }) {
  const channel = useQuery({ ...alertChannelQuery(id), refetchInterval: POLL_MS });
  const kind = failureKind(channel.error);
  if (channel.data && kind !== 'not-found') return <Loaded channel={channel.data} />;
  return (
    <Page title="Alert channel" back={BACK}>
      {kind === 'not-found' || kind === 'bad-request' ? (
        <div className="card">
          <Empty
            icon="send"
            title="No such channel"
            actions={<ButtonLink href="/alerts/channels">All channels</ButtonLink>}
          >
            It was deleted, or the address is not right. The audit log knows what became of it.
          </Empty>
        </div>
      ) : channel.error ? (
        <Failure error={channel.error} retry={() => void channel.refetch()} />
      ) : (
        <div className="card">
          <div className="body">
            <Skeleton lines={6} />
          </div>
        </div>
      )}
    </Page>
  );
}

function Loaded({ channel }: { readonly channel: AlertChannel }) {
  const isAdmin = useIsAdmin();
  const [, navigate] = useLocation();
  const [dialog, setDialog] = useState<'test' | 'edit' | 'secret' | 'delete'>();
  const close = () => setDialog(undefined);
  const { name, kind, enabled, notice, queued, lastDeliveredAt, lastFailedAt, lastError } = channel;
  return (
    <Page
      title={name}
      heading={
        <span className="device-title">
          <span className="truncate">{name}</span>
          {!enabled && <span className={notice ? 'badge bad' : 'badge'}>Disabled</span>}
        </span>
      }
      back={BACK}
      actions={
        isAdmin && (
          <>
            <Button icon="send" onClick={() => setDialog('test')}>
              Send a test
            </Button>
            <Menu
              trigger={<IconButton label="More actions" icon="more" />}
              groups={[
                [
                  { label: 'Edit', icon: 'edit', onSelect: () => setDialog('edit') },
                  ...(kind === 'webhook'
                    ? [
                        {
                          label: 'Replace the secret…',
                          icon: 'key' as const,
                          onSelect: () => setDialog('secret'),
                        },
                      ]
                    : []),
                ],
                [{ label: 'Delete', icon: 'trash', danger: true, onSelect: () => setDialog('delete') }],
              ]}
            />
          </>
        )
      }
    >
      {notice && (
        <Notice tone="bad">
          <span className="strong">The server disabled this channel.</span> {notice} Find the cause, send a
          test, then enable the channel again in the list: it is told what fires then.
        </Notice>
      )}
      <Card title="Channel">
        <dl className="facts">
          <dt>Kind</dt>
          <dd>{CHANNEL_KINDS[kind].name}</dd>
          <dt>Delivers to</dt>
          <dd>{describeTarget(channel)}</dd>
          <dt>Last delivered</dt>
          <dd>
            <Ago at={lastDeliveredAt} />
          </dd>
          <dt>Last failed</dt>
          <dd>
            <Ago at={lastFailedAt} />
            {lastError && <p className="small bad-text">{lastError}</p>}
          </dd>
          <dt>Waiting</dt>
          <dd className="numbers">{count(queued)}</dd>
        </dl>
      </Card>
      <DeliveryList id={channel.id} />
      <TestDialog channel={dialog === 'test' ? channel : undefined} onClose={close} />
      <ChannelDialog open={dialog === 'edit'} channel={channel} onClose={close} />
      <SecretDialog channel={channel} open={dialog === 'secret'} onClose={close} />
      <DeleteChannelDialog
        channel={dialog === 'delete' ? channel : undefined}
        onClose={close}
        onDeleted={() => navigate('/alerts/channels')}
      />
    </Page>
  );
}
