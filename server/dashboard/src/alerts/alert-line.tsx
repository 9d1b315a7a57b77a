import type { Alert } from '../api/alerts.ts';
import { deviceTitle } from '../api/fleet.ts';
import { DeviceLink } from '../fleet/device-link.tsx';
import { duration, fullTime, useNow } from '../format/time.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { Menu } from '../ui/menu.tsx';
import { Ago } from '../ui/time.tsx';
import { ENDINGS } from './endings.ts';

interface AlertLineProps {
  readonly alert: Alert;
  /** Whether the list is of one device, which is not named in each line. */
  readonly ofDevice?: boolean;
  /** What an operator may do with it; undefined for those who may not. */
  readonly actions?: AlertActions | undefined;
}

export interface AlertActions {
  onAcknowledge(alert: Alert): void;
  onSilence(alert: Alert): void;
  onEndSilence(alert: Alert): void;
  readonly acknowledging: number | undefined;
}

/** One alert: what is the case, for how long, and who takes care of it. */
export function AlertLine({ alert, ofDevice, actions }: AlertLineProps) {
  const isFiring = alert.state === 'firing';
  const about = `${alert.rule.name}, ${deviceTitle(alert.device)}`;
  return (
    <li>
      <span className={`event-icon ${isFiring ? 'bad' : 'good'}`}>
        <Icon name={isFiring ? 'alert' : 'check'} />
      </span>
      <div className="grow alert-what">
        <p>
          <span className="strong">{alert.rule.name}</span>
          {!ofDevice && (
            <>
              {' · '}
              <DeviceLink id={alert.device.id} name={deviceTitle(alert.device)} />
            </>
          )}
        </p>
        <p className="alert-message">{alert.message}</p>
        <p className="quiet small">
          <Course alert={alert} />
        </p>
        {(alert.acknowledgedAt || (isFiring && alert.silencedUntil)) && (
          <p className="row-wrap alert-marks">
            {alert.acknowledgedAt && (
              <span className="badge" title={fullTime(alert.acknowledgedAt)}>
                <Icon name="check" size={13} />
                <span className="truncate">Acknowledged by {alert.acknowledgedBy ?? 'somebody'}</span>
              </span>
            )}
            {isFiring && alert.silencedUntil && (
              <span className="badge">
                <Icon name="mute" size={13} />
                Silenced until {fullTime(alert.silencedUntil)}
              </span>
            )}
          </p>
        )}
      </div>
      {isFiring && actions && (
        <span className="row alert-actions">
          {!alert.acknowledgedAt && (
            <Button
              small
              busy={actions.acknowledging === alert.id}
              aria-label={`Acknowledge ${about}`}
              onClick={() => actions.onAcknowledge(alert)}
            >
              Acknowledge
            </Button>
          )}
          <Menu
            trigger={<IconButton small label={`More actions on ${about}`} icon="more" />}
            groups={[
              [
                { label: 'Silence…', icon: 'mute', onSelect: () => actions.onSilence(alert) },
                ...(alert.silencedUntil
                  ? [
                      {
                        label: 'End the silence…',
                        icon: 'bell' as const,
                        onSelect: () => actions.onEndSilence(alert),
                      },
                    ]
                  : []),
              ],
            ]}
          />
        </span>
      )}
    </li>
  );
}

/** Since when, and how it ended. */
function Course({ alert }: { readonly alert: Alert }) {
  const now = useNow();
  const firedMs = Date.parse(alert.firedAt);
  if (alert.resolvedAt === null) {
    return (
      <>
        Firing for {duration(now - firedMs)}, since {fullTime(firedMs)}
      </>
    );
  }
  return (
    <>
      {ENDINGS[alert.resolution ?? 'cleared']} <Ago at={alert.resolvedAt} />, after{' '}
      {duration(Date.parse(alert.resolvedAt) - firedMs)}
    </>
  );
}
