import { z } from 'zod';

/** The answers of EMQX's REST API as recorded from 5.8.9, each reduced to what the server reads. */

export const failure = z.object({ code: z.string().optional(), message: z.string().optional() });

export const node = z.object({ node: z.string(), version: z.string(), node_status: z.string() });

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
});
