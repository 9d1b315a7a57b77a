import { z } from 'zod';
import { operatorRoles } from '../roles.ts';
import { plainText, pointInTime } from '../text.ts';
import { enteredPassword, isUsername, newPassword, username } from './credentials.ts';

const role = z.enum(operatorRoles).describe('A viewer can read everything and change nothing');

/** The id of an operator, an API key or a session in a path. */
export const idPath = z.object({ id: z.uuid() });

/** Whose credentials a request carries. */
export const identity = z
  .object({
    kind: z.enum(['operator', 'api_key']),
    id: z.uuid(),
    name: z.string().describe('User name of the operator, or name of the API key'),
    role: z.enum(operatorRoles),
  })
  .meta({ id: 'Identity' });

export const login = z.strictObject({
  username: plainText(64)
    .min(1)
    .transform((text) => text.toLowerCase()),
  password: enteredPassword,
});

export const passwordChange = z.strictObject({ currentPassword: enteredPassword, newPassword });

export const session = z
  .object({
    id: z.uuid(),
    current: z.boolean().describe('Whether it is the session of this request'),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().describe('To the minute'),
    expiresAt: z.iso.datetime(),
    address: z.string().describe('Where the login came from'),
    userAgent: z.string(),
  })
  .meta({ id: 'Session' });

export const operator = z
  .object({
    id: z.uuid(),
    username: z.string(),
    role,
    version: z.int().describe('Incremented by every change; the entity tag'),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Operator' });

export const newOperator = z
  .strictObject({ username, password: newPassword, role })
  .refine((given) => !isUsername(given.password, given.username), {
    path: ['password'],
    message: 'must not be the user name',
  });

export const operatorChange = z
  .strictObject({
    role: role.optional(),
    password: newPassword.optional().describe('Ends all sessions of the operator'),
  })
  .meta({ minProperties: 1 })
  .refine((given) => given.role !== undefined || given.password !== undefined, 'must change something');

/** An API key, all but the key itself. */
export const apiKey = z
  .object({
    id: z.uuid(),
    name: z.string(),
    prefix: z.string().describe('First characters of the key'),
    role,
    createdBy: z.string().nullable().describe('User name of the operator; null if removed'),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().nullable(),
    lastUsedAt: z.iso.datetime().nullable().describe('To the minute'),
  })
  .meta({ id: 'ApiKey' });

export const newApiKey = z.strictObject({
  name: plainText(64).trim().min(1).describe('What the key is for; identifies it in the audit log'),
  role,
  expiresAt: pointInTime
    .nullable()
    .optional()
    .describe('When the key expires: after a year by default, never if null'),
});

/** What `POST /api-keys` answers. */
export const createdApiKey = apiKey.extend({
  key: z.string().describe('The bearer token; keep it secret'),
});

export type Operator = z.output<typeof operator>;
export type ApiKey = z.output<typeof apiKey>;
export type Session = z.output<typeof session>;
export type Identity = z.output<typeof identity>;
