import { z } from 'zod';

/** The answers of EMQX's REST API as recorded from 5.8.9, each reduced to what the server reads. */

export const failure = z.object({ code: z.string().optional(), message: z.string().optional() });

/** A stopped node of a cluster is listed without its version. */
export const node = z.object({
  node: z.string(),
  version: z.string().default('unknown'),
  node_status: z.string(),
});

export const authenticator = z.looseObject({
  id: z.string(),
  mechanism: z.string(),
  backend: z.string().optional(),
  enable: z.boolean().default(true),
});

export const authorizationSettings = z.object({
  no_match: z.enum(['allow', 'deny']),
  deny_action: z.enum(['ignore', 'disconnect']),
  cache: z.looseObject({ enable: z.boolean(), max_size: z.number().optional(), ttl: z.string().optional() }),
});

export const source = z.looseObject({
  type: z.string(),
  enable: z.boolean().default(true),
  rules: z.string().optional(),
  max_rules: z.number().optional(),
});

export const rule = z.object({
  topic: z.string(),
  permission: z.enum(['allow', 'deny']),
  action: z.enum(['publish', 'subscribe', 'all']),
  retain: z.union([z.boolean(), z.literal('all')]).optional(),
});

export const pageMeta = z.object({
  count: z.number().optional(),
  limit: z.number(),
  hasnext: z.boolean().optional(),
});

export function page<T extends z.ZodType>(item: T) {
  return z.object({ data: z.array(item), meta: pageMeta });
}

export const clientRules = z.object({ clientid: z.string(), rules: z.array(rule) });

export const ban = z.object({
  as: z.string(),
  who: z.string(),
  by: z.string().optional(),
  until: z.string().optional(),
});

export const client = z.object({
  clientid: z.string(),
  username: z.string().nullish(),
  connected: z.boolean().default(true),
  connected_at: z.string().optional(),
  auth_expire_at: z.unknown(),
  mqueue_dropped: z.number().default(0),
  inflight_max: z.number().optional(),
});

export const subscription = z.object({ topic: z.string() });

export const listener = z.looseObject({
  id: z.string(),
  enable: z.boolean().default(true),
  /** In the list; `running` stands beside it for a single one. `inconsistent` where it runs on some nodes of a cluster. */
  status: z.looseObject({ running: z.union([z.boolean(), z.literal('inconsistent')]) }).optional(),
  enable_authn: z.union([z.boolean(), z.string()]).optional(),
});

export const retainedMessage = z.object({ topic: z.string() });

export const sysTopics = z.looseObject({
  sys_event_messages: z.looseObject({
    client_connected: z.boolean(),
    client_disconnected: z.boolean(),
    client_subscribed: z.boolean(),
  }),
});

export const delayed = z.looseObject({ enable: z.boolean() });

export const retainer = z.looseObject({
  max_publish_rate: z.union([z.string(), z.number()]).optional(),
  backend: z.looseObject({ storage_type: z.string() }),
});

export const globalZone = z.looseObject({
  mqtt: z.looseObject({ ignore_loop_deliver: z.boolean().optional() }),
});
