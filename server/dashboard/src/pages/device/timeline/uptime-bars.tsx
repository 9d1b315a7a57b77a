import type { Presence } from '../../../api/presence.ts';
import { duration } from '../../../format/time.ts';

/** Of a date without a time, which is read as one of UTC. */
const weekday = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** One bar a day, today last; today's share is of what has passed of it. */
export function UptimeBars({ uptime }: Pick<Presence, 'uptime'>) {
  return (
    <ol className="uptime" aria-label="Uptime by day">
      {uptime.map(({ day, seconds, passed }) => {
        const share = seconds / Math.max(1, passed);
        const name = weekday.format(new Date(day));
        return (
          <li key={day} title={`${name}: ${duration(seconds * 1_000)}`}>
            <span className="uptime-share">{percent(share)}</span>
            <span className="uptime-bar" aria-hidden="true">
              <span style={{ height: `${100 * share}%` }} />
            </span>
            <span className="uptime-day">{name}</span>
          </li>
        );
      })}
    </ol>
  );
}

/** 100 % is said only where nothing is missing. */
function percent(share: number): string {
  if (share === 0) return '–';
  if (share > 0.995 && share < 0.9995) return '99 %';
  return share < 0.01 ? '<1 %' : `${Math.round(100 * share)} %`;
}
