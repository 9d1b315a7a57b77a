import { Hono } from 'hono';
import { z } from 'zod';
import type { Authorizer } from '../authorization/authorizer.ts';
import { formatRule, parseRule, type Rule } from '../authorization/rules.ts';
import { alreadyExists, badRequest, checkBody, notFound, validationError } from './errors.ts';
import { paginate, readPage, withoutCount } from './paging.ts';

const BASE = '/authorization/sources/built_in_database/rules';

const allSchema = z.object({ rules: z.array(z.unknown()) });
const clientSchema = z.object({ clientid: z.string().min(1), rules: z.array(z.unknown()) });

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

  app.get(`${BASE}/clients`, (context) => {
    const page = readPage(context);
    const like = context.req.query('like_clientid');
    if (like === undefined) return context.json(paginate(store.clients, page, formatClient));
    return context.json(withoutCount(paginate(filtered(store.clients, like), page, formatClient)));
  });

  app.post(`${BASE}/clients`, async (context) => {
    const bodies = checkBody(z.array(clientSchema), await context.req.json());
    const { max_rules } = database();
    for (const { clientid, rules } of bodies) {
      if (store.clients.has(clientid)) throw alreadyExists(`Client '${clientid}' already exist`);
      if (rules.length > max_rules) {
        throw badRequest(`The rules length of Client '${clientid}' exceeds the maximum limit.`);
      }
    }
    const rows = bodies.map(({ clientid, rules }) => [clientid, readRules(rules)] as const);
    for (const [clientId, rules] of rows) store.clients.set(clientId, rules);
    return context.body(null, 204);
  });

  app.get(`${BASE}/clients/:clientid`, (context) => {
    const clientId = context.req.param('clientid');
    const rules = store.clients.get(clientId);
    if (!rules) throw notFound('Not Found');
    return context.json(formatClient([clientId, rules]));
  });

  app.put(`${BASE}/clients/:clientid`, async (context) => {
    const { clientid, rules } = checkBody(clientSchema, await context.req.json());
    if (clientid !== context.req.param('clientid')) throw badRequest('Type mismatch');
    if (rules.length > database().max_rules) throw badRequest('The rules length exceeds the maximum limit.');
    store.clients.set(clientid, readRules(rules));
    return context.body(null, 204);
  });

  app.delete(`${BASE}/clients/:clientid`, (context) => {
    if (!store.clients.delete(context.req.param('clientid'))) throw notFound('ClientID Not Found');
    return context.body(null, 204);
  });

  return app;
}

function formatClient([clientid, rules]: [string, readonly Rule[]]) {
  return { clientid, rules: rules.map(formatRule) };
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
