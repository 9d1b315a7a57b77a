import { Hono } from 'hono';
import { z } from 'zod';
import type { AuthorizationSource } from '../authorization/authorizer.ts';
import type { BrokerCore } from '../core.ts';
import { parseDurationMs } from '../quantities.ts';
import { badRequest, checkBody, notFound, validationError } from './errors.ts';
import { moved } from './order.ts';

export const settingsSchema = z.object({
  no_match: z.enum(['allow', 'deny']).default('allow'),
  deny_action: z.enum(['ignore', 'disconnect']).default('ignore'),
  cache: z
    .object({
      enable: z.boolean().default(true),
      max_size: z.number().int().min(1).max(1_048_576).default(32),
      ttl: z
        .string()
        .refine((text) => parseDurationMs(text) !== null)
        .default('1m'),
      excludes: z.array(z.string()).default([]),
    })
    .prefault({}),
});
const databaseSchema = z.object({
  type: z.literal('built_in_database'),
  enable: z.boolean().default(true),
  max_rules: z.number().int().positive().default(100),
});
const fileSchema = z.object({
  type: z.literal('file'),
  enable: z.boolean().default(true),
  rules: z.string(),
});
const typedSchema = z.looseObject({ type: z.string() });
const moveSchema = z.object({ position: z.string() });

/** `/authorization`: settings, sources and their order. A new source is put in front. */
export function authorizationRoutes({ authorizer, sessions }: BrokerCore) {
  const app = new Hono();
  const existing = (type: string): AuthorizationSource => {
    const source = authorizer.source(type);
    if (!source) throw notFound(`Not found: ${type}`);
    return source;
  };

  app.get('/authorization/settings', (context) => context.json(authorizer.settings));

  app.put('/authorization/settings', async (context) => {
    authorizer.settings = checkBody(settingsSchema, await context.req.json());
    return context.json(authorizer.settings);
  });

  app.delete('/authorization/cache', (context) => {
    for (const { client } of sessions.values()) client.decisions.clear();
    return context.body(null, 204);
  });

  app.get('/authorization/sources', (context) => context.json({ sources: authorizer.sources }));

  app.post('/authorization/sources', async (context) => {
    const source = readSource(await context.req.json());
    if (authorizer.source(source.type)) throw badRequest(`{duplicated_authz_source_type,${source.type}}`);
    authorizer.sources.unshift(source);
    return context.body(null, 204);
  });

  app.get('/authorization/sources/:type', (context) => context.json(existing(context.req.param('type'))));

  app.put('/authorization/sources/:type', async (context) => {
    const type = context.req.param('type');
    const body = checkBody(typedSchema, await context.req.json());
    existing(type);
    if (body.type !== type) throw badRequest('Type mismatch');
    const replacement = readSource(body);
    authorizer.sources = authorizer.sources.map((source) => (source.type === type ? replacement : source));
    return context.body(null, 204);
  });

  app.delete('/authorization/sources/:type', (context) => {
    const { type } = existing(context.req.param('type'));
    authorizer.sources = authorizer.sources.filter((source) => source.type !== type);
    // The table goes with its source.
    if (type === 'built_in_database') authorizer.rules.clear();
    return context.body(null, 204);
  });

  app.post('/authorization/sources/:type/move', async (context) => {
    const { type } = existing(context.req.param('type'));
    const { position } = checkBody(moveSchema, await context.req.json());
    const types = moved(
      authorizer.sources.map((source) => source.type),
      type,
      position,
    );
    if (!types) throw badRequest('Invalid parameter. Unknow position');
    authorizer.sources = types.flatMap((each) => authorizer.source(each) ?? []);
    return context.body(null, 204);
  });

  return app;
}

export function readSource(body: unknown): AuthorizationSource {
  const { type } = checkBody(typedSchema, body);
  if (type === 'built_in_database') return checkBody(databaseSchema, body);
  if (type === 'file') return checkBody(fileSchema, body);
  throw validationError({ path: 'root', field_name: 'type', expected: 'file | built_in_database' });
}
