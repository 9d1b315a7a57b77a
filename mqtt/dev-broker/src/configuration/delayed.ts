import { z } from 'zod';

/** `PUT /mqtt/delayed` with EMQX's defaults. The limit is shown and not acted on. */
export const delayedSchema = z.object({
  enable: z.boolean().default(true),
  max_delayed_messages: z.number().int().nonnegative().default(0),
});
