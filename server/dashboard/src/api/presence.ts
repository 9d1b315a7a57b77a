import { queryOptions } from '@tanstack/react-query';
import { answer } from './answer.ts';
import { api } from './client.ts';

/** What is wrong with a device, and what to do about it. */
export function diagnosisQuery(id: string) {
  return queryOptions({
    queryKey: ['diagnosis', id],
    queryFn: ({ signal }) =>
      answer(api.devices[':id'].diagnosis.$get({ param: { id } }, { init: { signal } })),
  });
}
