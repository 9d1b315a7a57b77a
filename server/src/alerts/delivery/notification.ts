import { type AlertNotification, MAX_ALERTS_OF_MESSAGE } from '../../../contract/api/alert-channels.ts';
import type { Alert } from '../../../contract/api/alerts.ts';

/** How many alerts a message is about. */
export interface AlertCounts {
  readonly firing: number;
  readonly resolved: number;
}

/** @param alerts those that are listed: the firing ones first. */
export function notificationOf(
  alerts: readonly Alert[],
  { firing, resolved }: AlertCounts,
  now: number,
): AlertNotification {
  const listed = alerts.slice(0, MAX_ALERTS_OF_MESSAGE);
  return {
    type: 'alerts.changed',
    timestamp: new Date(now).toISOString(),
    data: {
      title: titleOf(listed, { firing, resolved }),
      firing,
      resolved,
      alerts: listed,
      omitted: firing + resolved - listed.length,
    },
  };
}

/** What a test of a channel sends. */
export function testNotification(channel: string, now: number): AlertNotification {
  return {
    type: 'channel.test',
    timestamp: new Date(now).toISOString(),
    data: { title: `Test of the channel ${channel}`, firing: 0, resolved: 0, alerts: [], omitted: 0 },
  };
}

/** The message for people to read. */
export function textOf({ type, data }: AlertNotification): string {
  if (type === 'channel.test') return 'This is a test. Alerts are delivered here.';
  const lines = data.alerts.map(
    (alert) =>
      `${alert.state === 'firing' ? 'FIRING' : 'RESOLVED'}: ${alert.rule.name}\n${deviceOf(alert)}\n${alert.message}\n${timesOf(alert)}`,
  );
  const rest = data.omitted > 0 ? [`… and ${data.omitted} more.`] : [];
  return [...lines, ...rest].join('\n\n');
}

function titleOf(alerts: readonly Alert[], { firing, resolved }: AlertCounts): string {
  const [only] = alerts;
  if (only && firing + resolved === 1) {
    const state = firing === 1 ? 'Firing' : 'Resolved';
    return `${state}: ${only.rule.name} (${only.device.name || only.device.id})`;
  }
  const parts = [firing > 0 ? `${firing} firing` : '', resolved > 0 ? `${resolved} resolved` : ''];
  return `Alerts: ${parts.filter(Boolean).join(', ')}`;
}

function deviceOf({ device }: Alert): string {
  return device.name === '' ? device.id : `${device.name} (${device.id})`;
}

function timesOf({ firedAt, resolvedAt, resolution }: Alert): string {
  const since = `since ${seconds(firedAt)}`;
  if (resolvedAt === null) return since;
  const why = resolution === null || resolution === 'cleared' ? '' : ` (${resolution.replaceAll('_', ' ')})`;
  return `${since}, until ${seconds(resolvedAt)}${why}`;
}

function seconds(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z');
}
