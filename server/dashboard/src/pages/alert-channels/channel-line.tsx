import { Link, useLocation } from 'wouter';
import { CHANNEL_KINDS, describeTarget } from '../../alerts/describe-channel.ts';
import type { AlertChannel } from '../../api/alert-channels.ts';
import { plural } from '../../format/number.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Menu } from '../../ui/menu.tsx';
import { Switch } from '../../ui/switch.tsx';
import { ChannelHealth } from './channel-health.tsx';

export interface ChannelActions {
  onEnable(channel: AlertChannel, enabled: boolean): void;
  onTest(channel: AlertChannel): void;
  onEdit(channel: AlertChannel): void;
  onDelete(channel: AlertChannel): void;
  /** The channel that is being changed. */
  readonly changing: string | undefined;
}

interface ChannelLineProps {
  readonly channel: AlertChannel;
  /** Undefined for those who may not. */
  readonly actions: ChannelActions | undefined;
}

/** A channel: where it delivers to, and whether messages arrive. */
export function ChannelLine({ channel, actions }: ChannelLineProps) {
  const [, navigate] = useLocation();
  const { id, name, kind, enabled, notice, queued } = channel;
  return (
    <li>
      <span className={`event-icon ${notice ? 'bad' : ''}`}>
        <Icon name={CHANNEL_KINDS[kind].icon} />
      </span>
      <div className="grow alert-what">
        <p>
          <Link href={`/alerts/channels/${id}`} className="link strong">
            {name}
          </Link>
        </p>
        <p className="alert-message truncate">
          {CHANNEL_KINDS[kind].name} · {describeTarget(channel)}
        </p>
        <ChannelHealth channel={channel} />
        {((!enabled && !notice) || queued > 0) && (
          <p className="row-wrap alert-marks">
            {!enabled && !notice && <span className="badge">Disabled</span>}
            {queued > 0 && <span className="badge warn">{plural(queued, 'message')} waiting</span>}
          </p>
        )}
      </div>
      {actions && (
        <span className="row alert-actions">
          <Button small aria-label={`Test ${name}`} onClick={() => actions.onTest(channel)}>
            Test
          </Button>
          <Switch
            label={`${name} is enabled`}
            checked={enabled}
            busy={actions.changing === id}
            onChange={(next) => actions.onEnable(channel, next)}
          />
          <Menu
            trigger={<IconButton small label={`More actions on ${name}`} icon="more" />}
            groups={[
              [
                { label: 'Edit', icon: 'edit', onSelect: () => actions.onEdit(channel) },
                { label: 'Deliveries', icon: 'audit', onSelect: () => navigate(`/alerts/channels/${id}`) },
              ],
              [{ label: 'Delete', icon: 'trash', danger: true, onSelect: () => actions.onDelete(channel) }],
            ]}
          />
        </span>
      )}
    </li>
  );
}
