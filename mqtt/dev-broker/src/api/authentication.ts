import { Hono } from 'hono';
import { z } from 'zod';
import { type Authenticator, type AuthenticatorChain, authenticatorId } from '../authentication/chain.ts';
import { NODE } from '../events.ts';
import { alreadyExists, badRequest, checkBody, notFound, validationError } from './errors.ts';
import { moved } from './order.ts';

const REDACTED = '******';

const jwtSchema = z.object({
  mechanism: z.literal('jwt'),
  enable: z.boolean().default(true),
  algorithm: z.literal('hmac-based').default('hmac-based'),
  use_jwks: z.literal(false),
  secret: z.string().min(1),
  secret_base64_encoded: z.boolean().default(false),
  from: z.enum(['password', 'username']).default('password'),
  verify_claims: z.record(z.string(), z.string()).default({}),
  disconnect_after_expire: z.boolean().default(true),
  acl_claim_name: z.string().default('acl'),
});
const databaseSchema = z.object({
  mechanism: z.literal('password_based'),
  backend: z.literal('built_in_database'),
  enable: z.boolean().default(true),
  user_id_type: z.enum(['username', 'clientid']).default('username'),
  password_hash_algorithm: z
    .looseObject({ name: z.enum(['plain', 'md5', 'sha', 'sha256', 'sha512', 'bcrypt', 'pbkdf2']) })
    .transform((algorithm) => ({ salt_position: 'prefix', ...algorithm })),
});

/** `/authentication`: the JWT authenticator with an HMAC secret, and the built-in database without users. */
export function authenticationRoutes(chain: AuthenticatorChain) {
  const app = new Hono();
  const existing = (id: string): Authenticator => {
    const authenticator = chain.get(id);
    if (!authenticator) throw notFound(`Authenticator '${id}' does not exist`);
    return authenticator;
  };

  app.get('/authentication', (context) => context.json(chain.list().map(redacted)));

  app.post('/authentication', async (context) => {
    const authenticator = readAuthenticator(await context.req.json());
    const id = authenticatorId(authenticator);
    if (chain.get(id)) throw alreadyExists(`Authenticator '${id}' already exist`);
    chain.append(authenticator);
    return context.json({ id, ...authenticator });
  });

  app.get('/authentication/:id', (context) => context.json(redacted(existing(context.req.param('id')))));

  app.put('/authentication/:id', async (context) => {
    const id = context.req.param('id');
    const old = existing(id);
    const authenticator = readAuthenticator(await context.req.json());
    if (authenticatorId(authenticator) !== id) {
      throw badRequest('Change of authentication type is not allowed');
    }
    if (authenticator.mechanism === 'jwt' && authenticator.secret === REDACTED && old.mechanism === 'jwt') {
      authenticator.secret = old.secret;
    }
    chain.replace(id, authenticator);
    return context.body(null, 204);
  });

  app.delete('/authentication/:id', (context) => {
    const id = context.req.param('id');
    existing(id);
    chain.delete(id);
    return context.body(null, 204);
  });

  // Metrics are not counted.
  app.get('/authentication/:id/status', (context) => {
    existing(context.req.param('id'));
    const metrics = { total: 0, success: 0, failed: 0, nomatch: 0, rate: 0, rate_last5m: 0, rate_max: 0 };
    return context.json({
      status: 'connected',
      metrics,
      node_status: [{ node: NODE, status: 'connected' }],
      node_error: [],
      node_metrics: [{ node: NODE, metrics }],
      node_resource_metrics: [{ node: NODE, metrics: {} }],
      resource_metrics: {},
    });
  });

  app.put('/authentication/:id/position/:position', (context) => {
    const { id, position } = context.req.param();
    existing(id);
    const ids = moved(chain.list().map(authenticatorId), id, position);
    if (!ids) throw badRequest("Invalid value for 'position'");
    chain.reorder(ids);
    return context.body(null, 204);
  });

  return app;
}

/** The kind of authenticator is picked by its discriminating fields first, as EMQX does. */
export function readAuthenticator(body: unknown): Authenticator {
  const { mechanism } = checkBody(z.looseObject({ mechanism: z.string() }), body);
  if (mechanism === 'password_based') return checkBody(databaseSchema, body);
  if (mechanism !== 'jwt') {
    throw validationError({ path: 'root', field_name: 'mechanism', expected: 'password_based | jwt' });
  }
  const { use_jwks } = checkBody(z.looseObject({ use_jwks: z.unknown().optional() }), body);
  if (typeof use_jwks !== 'boolean') {
    throw validationError({ path: 'root', field_name: 'use_jwks', expected: 'true | false' });
  }
  return checkBody(jwtSchema, body);
}

function redacted(authenticator: Authenticator) {
  const id = authenticatorId(authenticator);
  return authenticator.mechanism === 'jwt'
    ? { id, ...authenticator, secret: REDACTED }
    : { id, ...authenticator };
}
