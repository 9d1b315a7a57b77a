import type { Alert } from '../api/alerts.ts';

/** How an alert ended, in words. */
export const ENDINGS: Readonly<Record<NonNullable<Alert['resolution']>, string>> = {
  cleared: 'Resolved',
  device_inactive: 'Ended when the device was revoked or deleted',
  out_of_scope: 'Ended when the rule no longer concerned the device',
  rule_changed: 'Ended when the rule was changed',
  rule_disabled: 'Ended when the rule was disabled',
  rule_deleted: 'Ended when the rule was deleted',
};
