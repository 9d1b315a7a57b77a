/** Fixed when a device is registered: a master is a controller of agents. */
export const deviceRoles = ['master', 'agent'] as const;
export const deviceStates = ['pending', 'active', 'revoked'] as const;
/** Open are queued and sent; the others are final. */
export const commandStates = ['queued', 'sent', 'done', 'failed', 'expired', 'cancelled'] as const;
/** What an alert rule watches. */
export const alertKinds = ['threshold', 'missing', 'offline', 'flapping', 'lost'] as const;
export const alertStates = ['firing', 'resolved'] as const;
/** Of a rule, for one device: pending while its duration runs. */
export const alertRuleStates = ['ok', 'pending', 'firing'] as const;
export const channelKinds = ['webhook', 'email', 'ntfy'] as const;
export const deliveryStates = ['queued', 'delivered', 'failed'] as const;
/** A viewer reads everything and changes nothing. */
export const operatorRoles = ['admin', 'viewer'] as const;
/** Who causes what the audit log records. */
export const actorKinds = ['operator', 'api_key', 'device', 'system'] as const;

export type DeviceRole = (typeof deviceRoles)[number];
export type DeviceState = (typeof deviceStates)[number];
export type OperatorRole = (typeof operatorRoles)[number];
export type ActorKind = (typeof actorKinds)[number];
export type CommandState = (typeof commandStates)[number];
export type ChannelKind = (typeof channelKinds)[number];
export type AlertRuleState = (typeof alertRuleStates)[number];
