import { z } from 'zod';

const interval = z.string().default('1m');

/** `PUT /configs/sys_topics` with EMQX's defaults: which events of clients are published. */
export const sysTopicsSchema = z.object({
  sys_msg_interval: interval,
  sys_heartbeat_interval: interval.default('30s'),
  sys_event_messages: z
    .object({
      client_connected: z.boolean().default(true),
      client_disconnected: z.boolean().default(true),
      client_subscribed: z.boolean().default(false),
      client_unsubscribed: z.boolean().default(false),
    })
    .prefault({}),
});
