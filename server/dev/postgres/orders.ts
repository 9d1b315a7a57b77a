import { z } from 'zod';

/** What the supervisor is told, as its one argument. */
export const orders = z.object({
  /** Keeps its data there; without it the data is thrown away at the end. */
  folder: z.string().optional(),
});

export type Orders = z.output<typeof orders>;

/** What the supervisor says, a line of JSON each on its standard output. */
export const report = z.union([
  z.object({ announcement: z.string() }),
  z.object({ url: z.string() }),
  z.object({ fault: z.string() }),
]);

export type Report = z.output<typeof report>;
