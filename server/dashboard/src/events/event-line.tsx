import type { AuditEntry } from '../api/fleet.ts';
import { DeviceLink } from '../fleet/device-link.tsx';
import { Ago, FullTime } from '../ui/time.tsx';
import { Actor } from './actor.tsx';
import { kindOf } from './audit-kinds.ts';
import { DifferenceFacts } from './differences.tsx';
import { EventRow } from './event-row.tsx';
import { Refusal } from './refusal.tsx';

/** One event of the audit log; opens to show what it changed. */
export function EventLine({ entry }: { readonly entry: AuditEntry }) {
  const { text, icon, tone } = kindOf(entry.action);
  return (
    <EventRow
      icon={icon}
      tone={tone}
      title={text}
      aside={
        <>
          {entry.subject && <Subject entry={entry} />}
          <span className="quiet">
            {' '}
            by <Actor {...entry} />
          </span>
        </>
      }
      time={<Ago at={entry.at} />}
      details={
        <>
          <DifferenceFacts values={entry} />
          <dt>At</dt>
          <dd>
            <FullTime at={entry.at} />
          </dd>
          {entry.address && (
            <>
              <dt>Address</dt>
              <dd>{entry.address}</dd>
            </>
          )}
          {entry.requestId && (
            <>
              <dt>Request</dt>
              <dd>
                <code>{entry.requestId}</code>
              </dd>
            </>
          )}
        </>
      }
    >
      <Refusal action={entry.action} after={entry.after} />
    </EventRow>
  );
}

/** Actions whose subject is a device. */
const OF_DEVICES = /^(device|command|telemetry|alert|credential)[.]/;

function Subject({ entry }: { readonly entry: AuditEntry }) {
  const name = nameIn(entry.after) ?? nameIn(entry.before);
  if (!OF_DEVICES.test(entry.action)) return name ? <> {name}</> : null;
  const command = entry.after?.c;
  return (
    <>
      {typeof command === 'string' ? ` ${command} to ` : ' '}
      <DeviceLink id={entry.subject ?? ''} name={name} />
    </>
  );
}

function nameIn(values: AuditEntry['after']): string | undefined {
  const name = values?.name || values?.username;
  return typeof name === 'string' ? name : undefined;
}
