import { Hono } from 'hono';
import { z } from 'zod';
import type { Authorizer } from '../authorization/authorizer.ts';
import { formatRule, parseRule, type Rule } from '../authorization/rules.ts';
import { ApiError, alreadyExists, badRequest, checkBody, notFound, validationError } from './errors.ts';
import { paginate, readPage } from './paging.ts';

const BASE = '/authorization/sources/built_in_database/rules';

const allSchema = z.object({ rules: z.array(z.unknown()) });

/** The two tables that hold rules for someone, and how EMQX speaks of them. */
const TABLES = [
  {
    path: 'clients',
    store: 'clients',
    key: 'clientid',
    name: 'Client',
    absent: 'ClientID Not Found',
    one: z.object({ clientid: z.string().min(1), rules: z.array(z.unknown()) }),
  },
  {
    path: 'users',
    store: 'users',
    key: 'username',
    name: 'User',
    absent: 'Username Not Found',
    one: z.object({ username: z.string().min(1), rules: z.array(z.unknown()) }),
  },
] as const;

/** The rules of the built-in database. Without that source every route answers 404. */
export function ruleRoutes(authorizer: Authorizer) {
  const app = new Hono();
  const { rules: store } = authorizer;
  const database = () => {
    const source = authorizer.source('built_in_database');
    if (source?.type !== 'built_in_database') throw notFound('Not found: built_in_database');
    return source;
  };

  app.use(`${BASE}/*`, async (_context, next) => {
    database();
    await next();
  });

  app.get(`${BASE}/all`, (context) => context.json({ rules: store.all.map(formatRule) }));

  app.post(`${BASE}/all`, async (context) => {
    const { rules } = checkBody(allSchema, await context.req.json());
    if (rules.length > database().max_rules) {
      throw badRequest('The length of rules exceeds the maximum limit.');
    }
    store.all = readRules(rules);
    return context.body(null, 204);
  });

  app.delete(`${BASE}/all`, (context) => {
    store.all = [];
    return context.body(null, 204);
  });

  app.delete(BASE, (context) => {
    const source = authorizer.source('built_in_database');
    if (!source) {
      throw new ApiError(404, 'BAD_REQUEST', "'built_in_database' type source is not found.");
    }
    if (source.enable) throw badRequest("'built_in_database' type source must be disabled before purge.");
    store.clear();
    return context.body(null, 204);
  });

  for (const { path, store: table, key, name, absent, one } of TABLES) {
    const owner = (body: z.infer<typeof one>) => ('clientid' in body ? body.clientid : body.username);
    const format = ([who, rules]: [string, readonly Rule[]]) => ({
      [key]: who,
      rules: rules.map(formatRule),
    });

    app.get(`${BASE}/${path}`, (context) => {
      const page = readPage(context);
      const like = context.req.query(`like_${key}`);
      const rows = like === undefined ? store[table] : filtered(store[table], like);
      return context.json(paginate(rows, page, format));
    });

    app.post(`${BASE}/${path}`, async (context) => {
      const bodies = checkBody(z.array<typeof one>(one), await context.req.json());
      const { max_rules } = database();
      for (const body of bodies) {
        if (store[table].has(owner(body))) throw alreadyExists(`${name} '${owner(body)}' already exist`);
        if (body.rules.length > max_rules) {
          throw badRequest(`The rules length of ${name} '${owner(body)}' exceeds the maximum limit.`);
        }
      }
      const rows = bodies.map((body) => [owner(body), readRules(body.rules)] as const);
      for (const [who, rules] of rows) store[table].set(who, rules);
      return context.body(null, 204);
    });

    app.get(`${BASE}/${path}/:who`, (context) => {
      const who = context.req.param('who');
      const rules = store[table].get(who);
      if (!rules) throw notFound('Not Found');
      return context.json(format([who, rules]));
    });

    app.put(`${BASE}/${path}/:who`, async (context) => {
      const body = checkBody<z.infer<typeof one>>(one, await context.req.json());
      if (owner(body) !== context.req.param('who')) throw badRequest('Type mismatch');
      if (body.rules.length > database().max_rules) {
        throw badRequest('The rules length exceeds the maximum limit.');
      }
      store[table].set(owner(body), readRules(body.rules));
      return context.body(null, 204);
    });

    app.delete(`${BASE}/${path}/:who`, (context) => {
      if (!store[table].delete(context.req.param('who'))) throw notFound(absent);
      return context.body(null, 204);
    });
  }

  return app;
}

function readRules(raw: readonly unknown[]): Rule[] {
  return raw.flatMap((rule) => {
    const parsed = parseRule(rule);
    if (!parsed.ok) throw validationError({ path: 'rules', reason: parsed.reason, value: parsed.value });
    return parsed.rules;
  });
}

function* filtered(rows: ReadonlyMap<string, readonly Rule[]>, like: string) {
  for (const row of rows) if (row[0].includes(like)) yield row;
}
