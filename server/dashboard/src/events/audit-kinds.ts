import type { IconName } from '../ui/icon.tsx';

interface Kind {
  readonly text: string;
  readonly icon: IconName;
  readonly tone?: 'bad' | 'warn' | 'good';
}

const KINDS: Readonly<Record<string, Kind>> = {
  'device.registered': { text: 'Device registered', icon: 'plus', tone: 'good' },
  'device.approved': { text: 'Device approved', icon: 'approve', tone: 'good' },
  'device.pairing_refused': { text: 'Pairing refused', icon: 'alert', tone: 'bad' },
  'device.rejected': { text: 'Device rejected', icon: 'close', tone: 'bad' },
  'device.firmware_changed': { text: 'Firmware changed', icon: 'device' },
  'device.edited': { text: 'Device edited', icon: 'edit' },
  'device.revoked': { text: 'Device revoked', icon: 'ban', tone: 'bad' },
  'device.restored': { text: 'Device restored', icon: 'undo', tone: 'good' },
  'device.rotated': { text: 'Credentials rotated', icon: 'refresh' },
  'device.deleted': { text: 'Device deleted', icon: 'trash', tone: 'bad' },
  'device.paired': { text: 'Device paired', icon: 'link' },
  'device.unpaired': { text: 'Device unpaired', icon: 'unlink' },
  'device.key_shown': { text: 'Key shown', icon: 'key', tone: 'warn' },
  'command.queued': { text: 'Command sent', icon: 'terminal' },
  'command.cancelled': { text: 'Command cancelled', icon: 'ban' },
  'command_group.queued': { text: 'Command sent to many devices', icon: 'terminal' },
  'command_group.cancelled': { text: 'Command to many devices cancelled', icon: 'ban' },
  'telemetry.imported': { text: 'Old records imported', icon: 'upload', tone: 'good' },
  'telemetry.deleted': { text: 'Records deleted', icon: 'trash', tone: 'bad' },
  'telemetry.retention_set': { text: 'Retention changed', icon: 'clock' },
  'alert_rule.created': { text: 'Alert rule added', icon: 'bell', tone: 'good' },
  'alert_rule.changed': { text: 'Alert rule changed', icon: 'bell' },
  'alert_rule.deleted': { text: 'Alert rule deleted', icon: 'trash', tone: 'bad' },
  'alert_rule.silenced': { text: 'Alert rule silenced', icon: 'mute' },
  'alert.acknowledged': { text: 'Alert acknowledged', icon: 'check' },
  'alert.silenced': { text: 'Alert silenced', icon: 'mute' },
  'device.alerts_silenced': { text: 'Alerts of the device silenced', icon: 'mute' },
  'alert_channel.created': { text: 'Alert channel added', icon: 'send', tone: 'good' },
  'alert_channel.changed': { text: 'Alert channel changed', icon: 'send' },
  'alert_channel.deleted': { text: 'Alert channel deleted', icon: 'trash', tone: 'bad' },
  'alert_channel.tested': { text: 'Alert channel tested', icon: 'send' },
  'alert_channel.secret_replaced': { text: 'Secret of an alert channel replaced', icon: 'key' },
  'alert_channel.disabled': { text: 'Alert channel disabled', icon: 'alert', tone: 'bad' },
  'credential.refused': { text: 'Credential refused', icon: 'alert', tone: 'bad' },
  'login.failed': { text: 'Sign-in failed', icon: 'alert', tone: 'warn' },
  'session.created': { text: 'Signed in', icon: 'user' },
  'session.ended': { text: 'Signed out', icon: 'signout' },
  'session.revoked': { text: 'Session ended', icon: 'signout' },
  'operator.created': { text: 'Operator added', icon: 'people' },
  'operator.changed': { text: 'Operator changed', icon: 'people' },
  'operator.deleted': { text: 'Operator removed', icon: 'people', tone: 'bad' },
  'operator.password_changed': { text: 'Password changed', icon: 'key' },
  'operator.password_reset': { text: 'Password reset', icon: 'key', tone: 'warn' },
  'operator.sessions_revoked': { text: 'All sessions ended', icon: 'signout' },
  'api_key.created': { text: 'API key created', icon: 'key' },
  'api_key.revoked': { text: 'API key revoked', icon: 'key', tone: 'bad' },
  'audit.pruned': { text: 'Old entries of the audit log deleted', icon: 'trash' },
  'broker.reconciled': { text: 'Broker reconciled', icon: 'broker' },
};

/** How an action of the audit log is shown. */
export function kindOf(action: string): Kind {
  return KINDS[action] ?? { text: action.replaceAll(/[._]/g, ' '), icon: 'audit' };
}
