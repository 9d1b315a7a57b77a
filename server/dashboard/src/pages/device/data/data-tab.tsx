import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { Device } from '../../../api/fleet.ts';
import { auditQuery } from '../../../api/fleet.ts';
import { usePoll } from '../../../api/live.ts';
import { exportHref, type Field, fieldsQuery, readBuckets } from '../../../api/telemetry.ts';
import { kindOf } from '../../../events/audit-kinds.ts';
import { fullTime } from '../../../format/time.ts';
import { Button, buttonClass } from '../../../ui/button.tsx';
import { Icon } from '../../../ui/icon.tsx';
import { Failure } from '../../../ui/notice.tsx';
import { Empty, Skeleton } from '../../../ui/placeholder.tsx';
import { AccountLine } from './account-line.tsx';
import { FieldChart } from './field-chart.tsx';
import { PRESETS, useRange } from './range.ts';
import { RecordList } from './record-list.tsx';

const VIEWS = [
  ['charts', 'Charts'],
  ['table', 'Table'],
  ['records', 'Records'],
] as const;

type View = (typeof VIEWS)[number][0];

const BUCKETS = 480;
const NO_FIELDS: readonly Field[] = [];

/** What the device measured: charts, the same as tables, the records themselves, and export. */
export function DataTab({ device }: { readonly device: Device }) {
  const { range, preset, choose, zoom } = useRange();
  const [view, setView] = useState<View>('charts');
  const poll = usePoll();
  const fields = useQuery({ ...fieldsQuery(device.id), refetchInterval: poll });
  const following = preset !== undefined;
  const buckets = useQuery({
    // A range that moves along is one query, read again as time passes.
    queryKey: ['latest', device.id, 'buckets', preset ?? range],
    queryFn: ({ signal }) => readBuckets(device.id, range, BUCKETS, signal),
    placeholderData: keepPreviousData,
    refetchInterval: following ? poll : false,
  });
  const changes = useQuery({
    ...auditQuery({ subject: device.id, action: 'device.', limit: '100' }),
    staleTime: 10_000,
  });
  const marks = useMemo(
    () =>
      (changes.data?.items ?? [])
        .filter(({ action }) => action !== 'device.key_shown')
        .map(({ id, at, action, actor }) => ({
          id,
          at: Date.parse(at),
          label: `${kindOf(action).text} by ${actor}`,
        }))
        .filter(({ at }) => at >= range.from && at <= range.to),
    [changes.data, range],
  );
  const shown = useMemo(() => {
    const byName = new Map(buckets.data?.fields.map((field) => [field.name, field.buckets]));
    return (fields.data?.items ?? NO_FIELDS).flatMap((field) => {
      const found = byName.get(field.name);
      return found && found.length > 0 ? [{ field, buckets: found }] : [];
    });
  }, [buckets.data, fields.data]);

  if (fields.data?.items.length === 0) return <NothingYet device={device} />;
  return (
    <>
      <div className="toolbar">
        <fieldset className="segmented">
          <legend className="visually-hidden">View</legend>
          {VIEWS.map(([name, label]) => (
            <button key={name} type="button" aria-pressed={view === name} onClick={() => setView(name)}>
              {label}
            </button>
          ))}
        </fieldset>
        <fieldset className="segmented">
          <legend className="visually-hidden">Period</legend>
          {PRESETS.map(([name, label]) => (
            <button key={name} type="button" aria-pressed={preset === name} onClick={() => choose(name)}>
              {label}
            </button>
          ))}
        </fieldset>
        {!following && (
          <Button icon="close" onClick={() => choose('1h')}>
            {fullTime(range.from)} – {fullTime(range.to)}
          </Button>
        )}
        <span className="grow" />
        <a className={buttonClass('default')} href={exportHref(device.id, range, 'csv')} download>
          <Icon name="download" /> CSV
        </a>
        <a className={buttonClass('default')} href={exportHref(device.id, range, 'ndjson')} download>
          <Icon name="download" /> NDJSON
        </a>
      </div>
      <AccountLine device={device} range={range} />
      {view === 'records' ? (
        <RecordList
          id={device.id}
          range={range}
          rangeKey={preset ?? `${range.from}-${range.to}`}
          live={following}
        />
      ) : (
        <>
          {(fields.error ?? buckets.error) && (
            <Failure
              error={fields.error ?? buckets.error}
              retry={() => void Promise.all([fields.refetch(), buckets.refetch()])}
            />
          )}
          {!buckets.data && !buckets.error && (
            <div className="card">
              <div className="body">
                <Skeleton lines={6} />
              </div>
            </div>
          )}
          {buckets.data && fields.data && shown.length === 0 && (
            <div className="card">
              <Empty icon="chart" title="No numbers in this period">
                Choose a longer period, or look at the records.
              </Empty>
            </div>
          )}
          {shown.length > 0 && (
            // Another range shows what the one before had, until its own values are there.
            <div
              className={buckets.isPlaceholderData ? 'stack stale' : 'stack'}
              aria-busy={buckets.isPlaceholderData}
            >
              {shown.map(({ field, buckets: found }) => (
                <FieldChart
                  key={field.name}
                  field={field}
                  buckets={found}
                  range={range}
                  marks={marks}
                  asTable={view === 'table'}
                  onZoom={zoom}
                />
              ))}
            </div>
          )}
          {view === 'charts' && shown.length > 0 && (
            <p className="small quiet">
              The band runs from the lowest to the highest value of each step, so that no spike is lost. Drag
              over a chart to zoom in. The line is broken where records are missing.
            </p>
          )}
          {marks.length > 0 && view === 'charts' && (
            <ul className="marks small">
              {marks.map(({ id, at, label }) => (
                <li key={id}>
                  <span className="mark-sample" aria-hidden="true" /> {label}, {fullTime(at)}
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </>
  );
}

function NothingYet({ device }: { readonly device: Device }) {
  return (
    <div className="card">
      <Empty icon="chart" title="No records yet">
        The device publishes JSON objects to <code>device/{device.id.slice(0, 8)}…/data</code>; each becomes a
        record, and each number in it a chart. This page shows the first one as it arrives.
      </Empty>
    </div>
  );
}
