import { useMemo, useState } from 'react';
import { type Bucket, type Field, type TimeRange, valueText } from '../../../api/telemetry.ts';
import { clockTime, dayOf, fullTime } from '../../../format/time.ts';
import { type ChartData, type ChartMark, LineChart } from '../../../ui/line-chart.tsx';
import { toSeries } from './series.ts';

interface FieldChartProps {
  readonly field: Field;
  readonly buckets: readonly Bucket[];
  readonly range: TimeRange;
  readonly marks: readonly ChartMark[];
  readonly asTable: boolean;
  readonly onZoom: (range: TimeRange) => void;
}

/** One numeric field over time, as a chart or as a table of the same figures. */
export function FieldChart({ field, buckets, range, marks, asTable, onZoom }: FieldChartProps) {
  const [hovered, setHovered] = useState<number>();
  const series = useMemo(() => toSeries(buckets), [buckets]);
  const data = useMemo<ChartData>(() => [series.times, series.mean, series.low, series.high], [series]);
  const span = useMemo(() => [range.from / 1_000, range.to / 1_000] as const, [range]);
  const unit = field.unit ? ` ${field.unit}` : '';
  const text = (value: number) => `${valueText(value)}${unit}`;
  const last = buckets.at(-1)?.last;
  const mean = hovered === undefined ? null : series.mean[hovered];
  const low = hovered === undefined ? null : series.low[hovered];
  const high = hovered === undefined ? null : series.high[hovered];
  const time = hovered === undefined ? undefined : series.times[hovered];

  return (
    <section className="card" aria-label={field.name}>
      <header>
        <h2>
          {field.name}
          {field.quantity && field.quantity !== field.name && (
            <span className="quiet"> {field.quantity}</span>
          )}
        </h2>
        <span className="numbers small reading">
          {mean != null && low != null && high != null && time !== undefined ? (
            <>
              <span className="quiet">{pointTime(time * 1_000, range)}</span>{' '}
              <span className="strong">{text(mean)}</span>
              {low !== high && (
                <span className="quiet">
                  {' '}
                  {valueText(low)} – {text(high)}
                </span>
              )}
            </>
          ) : last ? (
            <span className="strong">{text(last.value)}</span>
          ) : null}
        </span>
      </header>
      {asTable ? (
        <BucketTable name={field.name} buckets={buckets} unit={unit} />
      ) : (
        <div className="chart-frame">
          <LineChart
            label={describe(field, buckets, text)}
            data={data}
            span={span}
            marks={marks}
            onZoom={(from, to) => onZoom({ from: from * 1_000, to: to * 1_000 })}
            onHover={setHovered}
          />
        </div>
      )}
    </section>
  );
}

interface BucketTableProps {
  readonly name: string;
  readonly buckets: readonly Bucket[];
  readonly unit: string;
}

function BucketTable({ name, buckets, unit }: BucketTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-frame chart-table" tabIndex={0} aria-label={`Figures of ${name}`}>
      <table className="table table-dense">
        <caption className="visually-hidden">
          {name}
          {unit && ` in ${unit}`}, newest first
        </caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col" className="numeric">
              Mean{unit}
            </th>
            <th scope="col" className="numeric">
              Lowest
            </th>
            <th scope="col" className="numeric">
              Highest
            </th>
            <th scope="col" className="numeric">
              Values
            </th>
          </tr>
        </thead>
        <tbody>
          {[...buckets].reverse().map((bucket) => (
            <tr key={bucket.at}>
              <td className="numbers nowrap">{fullTime(bucket.at)}</td>
              <td className="numeric">{valueText(bucket.mean)}</td>
              <td className="numeric">{valueText(bucket.min.value)}</td>
              <td className="numeric">{valueText(bucket.max.value)}</td>
              <td className="numeric">{bucket.count}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function describe(field: Field, buckets: readonly Bucket[], text: (value: number) => string): string {
  const last = buckets.at(-1);
  if (!last) return `Chart of ${field.name}: no values`;
  const low = Math.min(...buckets.map(({ min }) => min.value));
  const high = Math.max(...buckets.map(({ max }) => max.value));
  return `Chart of ${field.name}: last ${text(last.last.value)}, lowest ${text(low)}, highest ${text(high)}. Choose Table for the figures.`;
}

const DAY_MS = 86_400_000;

function pointTime(at: number, { from, to }: TimeRange): string {
  return to - from > DAY_MS ? `${dayOf(at)}, ${clockTime(at)}` : clockTime(at);
}
