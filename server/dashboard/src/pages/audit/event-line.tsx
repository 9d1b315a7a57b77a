import { Fragment, useState } from 'react';
import type { AuditEntry } from '../../api/fleet.ts';
import { DeviceLink } from '../../fleet/device-link.tsx';
import { describeRefusal } from '../../fleet/refusals.ts';
import { Button } from '../../ui/button.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Ago, FullTime } from '../../ui/time.tsx';
import { differencesOf, kindOf } from './describe-entry.ts';

interface EventLineProps {
  readonly entry: AuditEntry;
  /** The subject that all events of the list share, which is not named in each. */
  readonly about?: string | undefined;
}

/** One event; opens to show what it changed. */
export function EventLine({ entry, about }: EventLineProps) {
  const [open, setOpen] = useState(false);
  const kind = kindOf(entry.action);
  const differences = differencesOf(entry);
  return (
    <li>
      <span className={`event-icon ${kind.tone ?? ''}`}>
        <Icon name={kind.icon} />
      </span>
      <div className="grow">
        <p>
          <span className="strong">{kind.text}</span>
          {entry.subject && entry.subject !== about && <Subject entry={entry} />}
          <span className="quiet"> by {actorOf(entry)}</span>
        </p>
        {entry.action === 'credential.refused' && (
          <p className="small event-reason">{sentence(describeRefusal(entry.after))}</p>
        )}
        {open && (
          <dl className="facts event-detail">
            {differences.map(({ field, before, after }) => (
              <Fragment key={field}>
                <dt>{field}</dt>
                <dd>
                  {before !== undefined && <del>{before}</del>}
                  {before !== undefined && after !== undefined && ' → '}
                  {after !== undefined && <ins>{after}</ins>}
                </dd>
              </Fragment>
            ))}
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
          </dl>
        )}
      </div>
      <span className="quiet small event-time">
        <Ago at={entry.at} />
      </span>
      <Button
        small
        kind="ghost"
        aria-expanded={open}
        aria-label={`${open ? 'Hide' : 'Show'} details of “${kind.text}”`}
        onClick={() => setOpen(!open)}
      >
        Details
      </Button>
    </li>
  );
}

function Subject({ entry }: { readonly entry: AuditEntry }) {
  const isDevice = entry.action.startsWith('device.') || entry.action === 'credential.refused';
  const name = nameIn(entry.after) ?? nameIn(entry.before);
  if (!isDevice) return name ? <> {name}</> : null;
  return (
    <>
      {' '}
      <DeviceLink id={entry.subject ?? ''} name={name} />
    </>
  );
}

function nameIn(values: AuditEntry['after']): string | undefined {
  const name = values?.name || values?.username;
  return typeof name === 'string' ? name : undefined;
}

function actorOf({ actorKind, actor }: AuditEntry): string {
  if (actorKind === 'device') return 'the device';
  if (actorKind === 'api_key') return `API key ${actor}`;
  return actorKind === 'system' ? `the server (${actor})` : actor;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
