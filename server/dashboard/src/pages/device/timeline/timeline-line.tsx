import { Link } from 'wouter';
import type { TimelineEvent } from '../../../api/presence.ts';
import { Actor } from '../../../events/actor.tsx';
import { ChangeSummary, DifferenceFacts } from '../../../events/differences.tsx';
import { EventRow } from '../../../events/event-row.tsx';
import { Refusal } from '../../../events/refusal.tsx';
import { clockTime, fullTime } from '../../../format/time.ts';
import { FullTime } from '../../../ui/time.tsx';
import { describeEvent } from './describe-event.ts';

interface TimelineLineProps {
  readonly event: TimelineEvent;
  /** UUID of the device that the timeline is of. */
  readonly id: string;
}

/** One event of a timeline: what happened, who did it, what it changed and why. */
export function TimelineLine({ event, id }: TimelineLineProps) {
  const { at, what, detail } = event;
  const { actorKind, actor, before = null, after = null } = detail;
  const { icon, tone, title, aside, text } = describeEvent(event);
  return (
    <EventRow
      icon={icon}
      tone={tone}
      title={title}
      aside={
        <span className="quiet">
          {aside && ` ${aside}`}
          {actorKind && actor !== undefined && (
            <>
              {' '}
              by <Actor actorKind={actorKind} actor={actor} subject={id} />
            </>
          )}
        </span>
      }
      time={
        <time dateTime={at} title={fullTime(at)} className="numbers nowrap">
          {clockTime(at)}
        </time>
      }
      details={<Details event={event} />}
    >
      {text && <p className="small event-reason">{text}</p>}
      <Refusal action={what} after={after} />
      {event.kind !== 'refusal' && <ChangeSummary values={{ before, after }} />}
    </EventRow>
  );
}

function Details({ event: { at, detail } }: { readonly event: TimelineEvent }) {
  const { before = null, after = null } = detail;
  return (
    <>
      <DifferenceFacts values={{ before, after }} />
      <dt>At</dt>
      <dd>
        <FullTime at={at} />
      </dd>
      <Fact name="Address" value={detail.address} />
      <Fact name="Keep-alive" value={detail.keepAliveSeconds && `${detail.keepAliveSeconds} s`} />
      <Fact name="Reason" value={detail.reason} />
      <Fact name="Command" value={detail.command} />
      {detail.ruleId && (
        <>
          <dt>Rule</dt>
          <dd>
            <Link href={`/alerts/rules/${detail.ruleId}`} className="link">
              {detail.rule}
            </Link>
          </dd>
        </>
      )}
      <Fact name="Request" value={detail.requestId} />
    </>
  );
}

interface FactProps {
  readonly name: string;
  readonly value: string | number | null | undefined;
}

function Fact({ name, value }: FactProps) {
  if (!value) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <code>{value}</code>
      </dd>
    </>
  );
}
