import { useSearchParams } from 'wouter';
import { zoneName } from '../../format/time.ts';
import { Button, buttonClass } from '../../ui/button.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Page } from '../../ui/page.tsx';
import { ACTION_GROUPS } from './action-groups.ts';
import { AuditList } from './audit-list.tsx';

const PERIODS = [
  ['', 'Any time', 0],
  ['1h', 'Last hour', 3_600_000],
  ['1d', 'Last day', 86_400_000],
  ['7d', 'Last 7 days', 7 * 86_400_000],
  ['30d', 'Last 30 days', 30 * 86_400_000],
] as const;

/** Who did what, and when. Nothing in it can be changed or removed. */
export function Audit() {
  const [params, setParams] = useSearchParams();
  const action = params.get('action') ?? '';
  const period = params.get('period') ?? '';
  const actor = params.get('actor') ?? '';
  const lengthMs = PERIODS.find(([name]) => name === period)?.[2] ?? 0;

  function change(name: string, value: string) {
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        if (value) next.set(name, value);
        else next.delete(name);
        return next;
      },
      { replace: true },
    );
  }

  const filter = {
    ...(action ? { action } : {}),
    ...(actor ? { actor } : {}),
    ...(lengthMs ? { from: startOf(lengthMs) } : {}),
  };

  return (
    <Page
      title="Audit log"
      description={`Every change by operators, devices and the server. It can only be appended to. Times are in ${zoneName()}.`}
      actions={
        <a
          className={buttonClass('default')}
          href={`/api/v1/audit/export.csv?${new URLSearchParams(filter)}`}
          download
        >
          <Icon name="download" /> Export
        </a>
      }
    >
      <div className="toolbar">
        <select
          className="input"
          aria-label="Kind of event"
          value={action}
          onChange={(event) => change('action', event.target.value)}
        >
          {ACTION_GROUPS.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
        <select
          className="input"
          aria-label="Period"
          value={period}
          onChange={(event) => change('period', event.target.value)}
        >
          {PERIODS.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
        {actor && (
          <Button icon="close" onClick={() => change('actor', '')}>
            By: {actor}
          </Button>
        )}
      </div>
      <div className="card">
        <AuditList query={filter} />
      </div>
    </Page>
  );
}

/** To the minute, so that the query stays the same while one reads. */
function startOf(lengthMs: number): string {
  return new Date(Math.floor((Date.now() - lengthMs) / 60_000) * 60_000).toISOString();
}
