import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { axisValue } from '../format/number.ts';
import { tokenColor, useShownTheme } from './theme-colors.ts';

export type ChartData = uPlot.AlignedData;

export interface ChartMark {
  /** Unix milliseconds. */
  readonly at: number;
  readonly label: string;
}

/** A value that a horizontal line marks. */
export interface ChartLevel {
  readonly value: number;
  readonly tone: 'bad' | 'good';
}

interface LineChartProps {
  /** What the chart shows, in a sentence, for those who do not see it. */
  readonly label: string;
  /** Times in seconds, then mean, lowest and highest. Drawn anew when it is another object. */
  readonly data: ChartData;
  /** The stretch that the time axis spans, in seconds. */
  readonly span: readonly [from: number, to: number];
  readonly marks?: readonly ChartMark[];
  readonly levels?: readonly ChartLevel[];
  /** Stretches that are shaded, in seconds. */
  readonly shaded?: readonly (readonly [from: number, to: number])[];
  /** Told of a stretch that was dragged over, in seconds. */
  readonly onZoom?: (from: number, to: number) => void;
  /** Told of the point under the pointer; undefined when it left. */
  readonly onHover?: (index: number | undefined) => void;
}

const HEIGHT = 190;
const LEAST_ZOOM_PX = 6;

/** A line with a band from the lowest to the highest value; charts of a page move their cursors together. */
export function LineChart(props: LineChartProps) {
  const { label, data, span, marks, levels, shaded } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const theme = useShownTheme();

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours are read anew when the theme changes
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = new uPlot(
      optionsFor(element.clientWidth, latest),
      [...latest.current.data] as ChartData,
      element,
    );
    chart.current = made;
    const resize = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
      chart.current = undefined;
    };
  }, [theme]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: marks, levels and shades are drawn from the latest properties
  useEffect(() => {
    chart.current?.setData(data, false);
    chart.current?.setScale('x', { min: span[0], max: span[1] });
  }, [data, span, marks, levels, shaded]);

  return <div ref={place} className="chart" role="img" aria-label={label} />;
}

function optionsFor(width: number, latest: { readonly current: LineChartProps }): uPlot.Options {
  const accent = tokenColor('--accent');
  const text = tokenColor('--text-3');
  const line = tokenColor('--line');
  const axis: uPlot.Axis = {
    stroke: text,
    font: '12px "Geist Variable", sans-serif',
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: {
      sync: { key: 'device' },
      drag: { x: latest.current.onZoom !== undefined, y: false, setScale: false },
      points: { size: 7, fill: accent, stroke: accent },
      y: false,
    },
    scales: {
      x: { time: true, auto: false, range: () => [...latest.current.span] as [number, number] },
      y: { range: (_, low, high) => padded(low, high, latest.current.levels) },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        space: 84,
        values: (_, ticks, __, ___, step) => ticks.map((tick) => tickText(tick * 1_000, step)),
      },
      {
        ...axis,
        size: (_, texts) => axisWidth(texts ?? []),
        space: 42,
        values: (_, ticks, __, ___, step) => ticks.map((tick) => axisValue(tick, step)),
      },
    ],
    series: [
      {},
      { stroke: accent, width: 1.75, points: { size: 4, fill: accent } },
      { stroke: 'transparent', points: { show: false } },
      { stroke: 'transparent', points: { show: false } },
    ],
    bands: [{ series: [3, 2], fill: withAlpha(accent, 0.16) }],
    hooks: {
      setSelect: [
        (chart) => {
          const { left, width: dragged } = chart.select;
          if (dragged >= LEAST_ZOOM_PX) {
            latest.current.onZoom?.(chart.posToVal(left, 'x'), chart.posToVal(left + dragged, 'x'));
          }
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      setCursor: [(chart) => latest.current.onHover?.(chart.cursor.idx ?? undefined)],
      drawClear: [(chart) => drawShades(chart, latest.current.shaded ?? [])],
      draw: [
        (chart) => drawMarks(chart, latest.current.marks ?? [], tokenColor('--warn-dot')),
        (chart) => drawLevels(chart, latest.current.levels ?? []),
      ],
    },
  };
}

const LEAST_AXIS_PX = 58;
const DIGIT_PX = 7;
const AXIS_MARGIN_PX = 16;

/** Long numbers need more room than the usual ones, which keep the charts of a page in line. */
function axisWidth(texts: readonly string[]): number {
  const longest = Math.max(0, ...texts.map(({ length }) => length));
  return Math.max(LEAST_AXIS_PX, longest * DIGIT_PX + AXIS_MARGIN_PX);
}

const DAY_SECONDS = 86_400;
const dayText = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const hourText = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const secondText = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** A time on the axis in the viewer's zone and manner; midnights are days. */
function tickText(at: number, stepSeconds: number): string {
  const date = new Date(at);
  const isMidnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
  if (stepSeconds >= DAY_SECONDS || isMidnight) return dayText.format(date);
  return (stepSeconds < 60 ? secondText : hourText).format(date);
}

/** A flat line stays in the middle; others get some air above and below. */
function padded(
  lowest: number | null,
  highest: number | null,
  levels: readonly ChartLevel[] = [],
): [number, number] {
  const values = levels.map(({ value }) => value);
  if (lowest !== null && highest !== null) values.push(lowest, highest);
  if (values.length === 0) return [0, 1];
  const low = Math.min(...values);
  const high = Math.max(...values);
  const air = high === low ? Math.max(1, Math.abs(high) * 0.05) : (high - low) * 0.08;
  return [Math.max(low - air, -FARTHEST), Math.min(high + air, FARTHEST)];
}

/** The distance between two of these is still a number. */
const FARTHEST = Number.MAX_VALUE / 4;

function drawMarks(chart: uPlot, marks: readonly ChartMark[], color: string): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const { at } of marks) {
    const x = Math.round(chart.valToPos(at / 1_000, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

function drawLevels(chart: uPlot, levels: readonly ChartLevel[]): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const { value, tone } of levels) {
    const y = Math.round(chart.valToPos(value, 'y', true));
    ctx.strokeStyle = tokenColor(`--${tone}-dot`);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

function drawShades(chart: uPlot, shaded: readonly (readonly [from: number, to: number])[]): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.fillStyle = withAlpha(tokenColor('--bad-dot'), 0.18);
  for (const [from, to] of shaded) {
    const left = Math.max(bbox.left, chart.valToPos(from, 'x', true));
    const right = Math.min(bbox.left + bbox.width, chart.valToPos(to, 'x', true));
    if (right < bbox.left || left > bbox.left + bbox.width) continue;
    // A short one is still to be seen.
    ctx.fillRect(left, bbox.top, Math.max(2 * devicePixelRatio, right - left), bbox.height);
  }
  ctx.restore();
}

function withAlpha(color: string, alpha: number): string {
  return `color-mix(in oklab, ${color} ${alpha * 100}%, transparent)`;
}
