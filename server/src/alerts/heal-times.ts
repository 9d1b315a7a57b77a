import { sql } from 'drizzle-orm';
import type { Queryable } from '../platform/db/client.ts';
import { CLAIM_SECONDS } from './delivery/message-store.ts';
import { MAX_RETRY_SECONDS } from './delivery/retry-schedule.ts';
import { CATCH_UP_LEASE, CATCH_UP_SECONDS } from './evaluation/catching-up.ts';

/** Above every slack of a timer, and every step of a clock that is right. */
const TOLERANCE_SECONDS = 600;

/**
 * Puts right what a clock that was ahead has left behind: times that no right clock would have written, and that would keep
 * alerts and messages waiting until they come.
 */
export async function healTimes(tx: Queryable): Promise<void> {
  const latest = (seconds: number) => sql`now() + make_interval(secs => ${seconds + TOLERANCE_SECONDS})`;
  await tx.execute(sql`
    with timers as (
      update alert_states as known set due_at = now() + span
      from alert_rules as rule, lateral (
        select make_interval(secs => coalesce(
          (rule.condition->>'forSeconds')::float8, (rule.condition->>'seconds')::float8, 0)) as span) as of_rule
      where rule.id = known.rule_id and due_at > ${latest(0)} and due_at > ${latest(0)} + span),
    messages as (
      update alert_messages set
        claimed_until = case when claimed_until <= ${latest(CLAIM_SECONDS)} then claimed_until end,
        next_attempt_at = case when next_attempt_at > ${latest(MAX_RETRY_SECONDS)} then now() else next_attempt_at end
      where state = 'queued'
        and (claimed_until > ${latest(CLAIM_SECONDS)} or next_attempt_at > ${latest(MAX_RETRY_SECONDS)})),
    collected as (
      update alert_channels set collected_at = null where collected_at > ${latest(0)}),
    waiting as (
      update alert_outbox set created_at = now() where message_id is null and created_at > ${latest(0)})
    update leases set expires_at = now() where name = ${CATCH_UP_LEASE} and expires_at > ${latest(CATCH_UP_SECONDS)}`);
}
