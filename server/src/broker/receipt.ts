import { z } from 'zod';

/** What a change did on the broker. Every answer that changes what the broker must know carries one. */
export const receipt = z.object({
  status: z
    .enum(['applied', 'queued'])
    .describe('applied: in effect on the broker; queued: kept, and applied in order when the broker is back'),
  steps: z.array(z.string()).describe('What was done on the broker, in order; empty where nothing had to be'),
  effectiveAfterMs: z
    .int()
    .nullable()
    .describe('Milliseconds from the change until it was in effect; null while queued'),
  reason: z.string().optional().describe('Why the change is queued'),
});

export type Receipt = z.output<typeof receipt>;
