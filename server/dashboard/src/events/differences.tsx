import { Fragment } from 'react';
import { DeviceLink } from '../fleet/device-link.tsx';
import { type ChangedValues, differencesOf } from './changed-values.ts';

/** What an event changed, a term and its description for each value. */
export function DifferenceFacts({ values }: { readonly values: ChangedValues }) {
  return differencesOf(values).map(({ field, before, after }) => (
    <Fragment key={field}>
      <dt>{field}</dt>
      <dd>
        <Change field={field} before={before} after={after} />
      </dd>
    </Fragment>
  ));
}

interface ChangeProps {
  readonly field: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

function Change({ field, before, after }: ChangeProps) {
  // Of a value that is a device, its name.
  const show = (value: string) => (field === 'master' ? <DeviceLink id={value} /> : value);
  return (
    <>
      {before !== undefined && <del>{show(before)}</del>}
      {before !== undefined && after !== undefined && ' → '}
      {after !== undefined && <ins>{show(after)}</ins>}
    </>
  );
}

const SHOWN = 3;

/** The same in a line, for lists: the first values that were changed. */
export function ChangeSummary({ values }: { readonly values: ChangedValues }) {
  const all = differencesOf(values).filter(({ field }) => !INTERNAL.has(field));
  if (all.length === 0) return null;
  return (
    <p className="small event-reason changes">
      {all.slice(0, SHOWN).map(({ field, before, after }) => (
        <span key={field}>
          {field} <Change field={field} before={before} after={after} />
        </span>
      ))}
      {all.length > SHOWN && <span className="quiet">and {all.length - SHOWN} more</span>}
    </p>
  );
}

/** Values that tell nothing in a list: ids, and what the title has. */
const INTERNAL: ReadonlySet<string> = new Set(['command', 'c', 'alert', 'group', 'registered', 'keyNumber']);
