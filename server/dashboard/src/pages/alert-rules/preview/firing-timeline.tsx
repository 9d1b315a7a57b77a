import type { AlertPreview } from '../../../api/alert-rules.ts';
import { DeviceLink } from '../../../fleet/device-link.tsx';
import { plural } from '../../../format/number.ts';
import { fullTime } from '../../../format/time.ts';

const SHOWN_DEVICES = 6;
const hour = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });

/** When it would have been firing, a line per device. */
export function FiringTimeline({ preview }: { readonly preview: AlertPreview }) {
  const from = Date.parse(preview.from);
  const to = Date.parse(preview.to);
  const byDevice = Map.groupBy(preview.alerts, ({ device }) => device);
  const most = [...byDevice].sort(([, left], [, right]) => right.length - left.length);
  const percent = (at: number) => (100 * (Math.min(to, Math.max(from, at)) - from)) / (to - from);
  const ticks = [0, 1, 2, 3, 4].map((quarter) => from + (quarter * (to - from)) / 4);
  return (
    <section aria-label="When it would have been firing">
      <ul className="timeline">
        {most.slice(0, SHOWN_DEVICES).map(([device, alerts]) => (
          <li key={device}>
            <span className="truncate small">
              <DeviceLink id={device} />
            </span>
            <span className="timeline-track" role="img" aria-label={`Fires ${plural(alerts.length, 'time')}`}>
              {alerts.map(({ firedAt, resolvedAt }) => {
                const left = percent(Date.parse(firedAt));
                const right = percent(resolvedAt === null ? to : Date.parse(resolvedAt));
                return (
                  <span
                    key={firedAt}
                    title={`${fullTime(firedAt)} to ${resolvedAt === null ? 'now' : fullTime(resolvedAt)}`}
                    style={{ left: `${left}%`, width: `${right - left}%` }}
                  />
                );
              })}
            </span>
          </li>
        ))}
      </ul>
      <div className="timeline-hours" aria-hidden="true">
        {ticks.map((at) => (
          <span key={at}>{hour.format(at)}</span>
        ))}
      </div>
      {most.length > SHOWN_DEVICES && (
        <p className="quiet small">and {plural(most.length - SHOWN_DEVICES, 'more device')}</p>
      )}
    </section>
  );
}
