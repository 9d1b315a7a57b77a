import { z } from 'zod';

/** The body of a failed request, media type `application/problem+json` (RFC 9457). */
export const problemDetails = z
  .object({
    type: z.string().describe('URI reference of the kind of problem, such as /problems/not-found'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().describe('The request id, as in the log'),
    errors: z
      .array(
        z.object({
          field: z.string().describe('JSON Pointer into the body, or the name of a parameter'),
          message: z.string(),
        }),
      )
      .optional(),
  })
  .meta({ id: 'Problem' });

export type ProblemDetails = z.output<typeof problemDetails>;
