import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { AlertPreview } from '../../../api/alert-rules.ts';
import type { AlertCondition } from '../../../api/alerts.ts';
import { readBuckets, valueText } from '../../../api/telemetry.ts';
import { DeviceLink } from '../../../fleet/device-link.tsx';
import { type ChartData, type ChartLevel, LineChart } from '../../../ui/line-chart.tsx';
import { toSeries } from '../../device/data/series.ts';

interface ValueChartProps {
  readonly preview: AlertPreview;
  readonly condition: Extract<AlertCondition, { kind: 'threshold' }>;
  /** Whose values are shown. */
  readonly device: string | undefined;
  readonly unit: string;
}

const BUCKETS = 240;

/** The values of a device with the limits of the rule, and when it would have been firing. */
export function ValueChart({ preview, condition, device, unit }: ValueChartProps) {
  const { from, to } = preview;
  const { field, direction, value, clear } = condition;
  const range = { from: Date.parse(from), to: Date.parse(to) };
  const buckets = useQuery({
    queryKey: ['alert-preview', 'values', device, from, to],
    queryFn: ({ signal }) => readBuckets(device ?? '', range, BUCKETS, signal),
    placeholderData: keepPreviousData,
    enabled: device !== undefined,
    staleTime: 60_000,
    retry: false,
  });
  const found = buckets.data?.fields.find(({ name }) => name === field)?.buckets;
  const series = useMemo(() => toSeries(found ?? []), [found]);
  const data = useMemo<ChartData>(() => [series.times, series.mean, series.low, series.high], [series]);
  const span = useMemo(() => [Date.parse(from) / 1_000, Date.parse(to) / 1_000] as const, [from, to]);
  const levels = useMemo<ChartLevel[]>(
    () => [
      { value, tone: 'bad' },
      ...(clear === undefined || clear === value ? [] : [{ value: clear, tone: 'good' as const }]),
    ],
    [value, clear],
  );
  const shaded = useMemo(
    () =>
      preview.alerts
        .filter((alert) => alert.device === device)
        .map(
          ({ firedAt, resolvedAt }) =>
            [Date.parse(firedAt) / 1_000, Date.parse(resolvedAt ?? to) / 1_000] as const,
        ),
    [preview, device, to],
  );
  if (device === undefined || !found || found.length === 0) return null;
  const low = Math.min(...found.map(({ min }) => min.value));
  const high = Math.max(...found.map(({ max }) => max.value));
  const text = (number: number) => `${valueText(number)}${unit && ` ${unit}`}`;
  return (
    <figure className="preview-chart">
      <figcaption className="small quiet">
        <span className="strong">{field}</span> of <DeviceLink id={device} />: {text(low)} to {text(high)}
      </figcaption>
      <LineChart
        label={`Chart of ${field}: lowest ${text(low)}, highest ${text(high)}; fires ${direction} ${text(value)}`}
        data={data}
        span={span}
        levels={levels}
        shaded={shaded}
      />
      <p className="small quiet preview-legend">
        <span className="level-sample bad" /> fires {direction} {text(value)}
        {levels.length > 1 && clear !== undefined && (
          <>
            <span className="level-sample good" /> resolves at {text(clear)}
          </>
        )}
        <span className="shade-sample" /> firing
      </p>
    </figure>
  );
}
