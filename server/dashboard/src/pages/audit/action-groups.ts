/** Prefixes of actions that the log can be narrowed to. */
export const ACTION_GROUPS = [
  ['', 'Everything'],
  ['device.', 'Devices'],
  ['command.', 'Commands'],
  ['telemetry.', 'Records'],
  ['alert', 'Alerts'],
  ['credential.refused', 'Refused credentials'],
  ['login.failed', 'Failed sign-ins'],
  ['session.', 'Sessions'],
  ['operator.', 'Operators'],
  ['api_key.', 'API keys'],
  ['broker.', 'Broker'],
] as const;
