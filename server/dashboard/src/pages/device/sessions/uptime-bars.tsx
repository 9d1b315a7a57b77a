import type { Presence } from '../../../api/presence.ts';
import { duration, useNow } from '../../../format/time.ts';

const DAY_MS = 86_400_000;
const weekday = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** One bar a day, today last; today's share is of what has passed of it. */
export function UptimeBars({ uptime }: Pick<Presence, 'uptime'>) {
  const now = useNow();
  return (
    <ol className="uptime" aria-label="Uptime by day">
      {uptime.map(({ day, seconds }) => {
        const passedMs = Math.min(DAY_MS, Math.max(1_000, now - Date.parse(day)));
        const share = Math.min(1, (seconds * 1_000) / passedMs);
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
