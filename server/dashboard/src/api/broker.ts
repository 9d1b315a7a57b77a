import { queryOptions } from '@tanstack/react-query';
import type { InferResponseType } from 'hono/client';
import { answer } from './answer.ts';
import { api } from './client.ts';

export type BrokerStatus = InferResponseType<typeof api.broker.$get>;

export type BrokerExamination = InferResponseType<typeof api.broker.doctor.$get, 200>;
export type BrokerCheck = BrokerExamination['checks'][number];

/** Has the server check the broker; answers within 15 s. */
export async function examineBroker(): Promise<BrokerExamination> {
  return await answer(api.broker.doctor.$get());
}

export function brokerQuery() {
  return queryOptions({
    queryKey: ['broker'],
    queryFn: ({ signal }) => answer(api.broker.$get({}, { init: { signal } })),
  });
}

interface Health {
  readonly tone: 'good' | 'warn' | 'bad' | 'neutral';
  readonly title: string;
  readonly advice: string;
}

/** How the broker is, in words, and what to do. */
export function brokerHealth({ connection, queuedChanges, lastRun }: BrokerStatus): Health {
  if (lastRun.state === 'failed') {
    return {
      tone: 'bad',
      title: 'The broker could not be compared with the database.',
      advice: `${lastRun.failure ?? 'The reason is in the log.'} Check that EMQX runs and that EMQX_API_URL and the API key are right. Connected devices keep working.`,
    };
  }
  if (connection === 'refused') {
    return {
      tone: 'bad',
      title: 'The broker refuses the server’s own session.',
      advice: 'Its authenticator may have been changed. “Reconcile now” puts it right.',
    };
  }
  if (connection !== 'online') {
    return {
      tone: 'warn',
      title: 'The server is not connected to the broker.',
      advice: 'It tries again by itself. PINGs are not answered and presence stands still until then.',
    };
  }
  if (lastRun.state === 'never') {
    return {
      tone: 'neutral',
      title: 'The first comparison is under way.',
      advice: 'It takes a few seconds.',
    };
  }
  if (queuedChanges > 0) {
    return {
      tone: 'warn',
      title: 'Some changes are not in effect yet.',
      advice: 'They are applied in order; “Reconcile now” tries at once.',
    };
  }
  return { tone: 'good', title: 'The broker holds what it should.', advice: 'Nothing to do.' };
}
