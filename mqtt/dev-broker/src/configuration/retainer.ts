import { z } from 'zod';
import { parseBytes, parseDurationMs } from '../quantities.ts';

const duration = z.union([z.string(), z.number()]).refine((text) => parseDurationMs(text) !== null);
const bytes = z.union([z.string(), z.number()]).refine((text) => parseBytes(text) !== null);
const rate = z.string().regex(/^(infinity|\d+(\.\d+)?\/\d*(ms|s|m|h|d))$/);

/** `PUT /mqtt/retainer` with EMQX's defaults. What it says of rates is shown and not acted on. */
export const retainerSchema = z.object({
  enable: z.boolean().default(true),
  msg_expiry_interval: duration.default('0s'),
  msg_expiry_interval_override: z.union([z.literal('disabled'), duration]).default('disabled'),
  allow_never_expire: z.boolean().default(true),
  msg_clear_interval: duration.default('0s'),
  msg_clear_limit: z.number().int().positive().default(50_000),
  max_payload_size: bytes.default('1MB'),
  stop_publish_clear_msg: z.boolean().default(false),
  delivery_rate: rate.default('1000/s'),
  max_publish_rate: rate.default('1000/s'),
  backend: z
    .object({
      type: z.literal('built_in_database').default('built_in_database'),
      /** `ram` is lost at a restart. */
      storage_type: z.enum(['ram', 'disc']).default('ram'),
      max_retained_messages: z.number().int().nonnegative().default(0),
      index_specs: z.array(z.array(z.number().int().positive())).default([[1, 2, 3], [1, 3], [2, 3], [3]]),
      enable: z.boolean().default(true),
    })
    .prefault({}),
});
