import { z } from 'zod';
import recorded from '../../docs/vectors.json';

const schema = z.object({
  jwt_secret: z.string(),
  now: z.number(),
  uuid: z.string(),
  tokens: z.array(z.object({ name: z.string(), token: z.string(), http: z.string() })).min(20),
  device_keys: z
    .array(
      z.object({
        role_secret: z.string(),
        uuid: z.string(),
        key_number: z.int().default(0),
        key: z.string(),
      }),
    )
    .min(8),
});

/** The shared test data of docs/vectors.json. Times are in Unix seconds. */
export const vectors = schema.parse(recorded);

/** The one vector whose refusal takes the database: its device has moved on to a later generation. */
export function isOlderGeneration(vector: { readonly name: string }): boolean {
  return vector.name.startsWith('older generation');
}
