import type { AlertPreview } from '../../../api/alert-rules.ts';
import type { AlertCondition } from '../../../api/alerts.ts';
import { valueText } from '../../../api/telemetry.ts';
import { DeviceLink } from '../../../fleet/device-link.tsx';
import { plural } from '../../../format/number.ts';
import { duration, recentTime } from '../../../format/time.ts';
import type { RuleWhat } from '../rule-draft.ts';

interface FiringListProps {
  readonly preview: AlertPreview;
  readonly rule: RuleWhat;
  readonly unit: string;
}

const SHOWN = 8;

/** The newest alerts that there would have been. */
export function FiringList({ preview, rule: { condition }, unit }: FiringListProps) {
  const shown = preview.alerts.slice(0, SHOWN);
  const hasValue = condition.kind !== 'offline' && condition.kind !== 'missing';
  return (
    <div className="table-frame">
      <table className="table table-dense preview-table">
        <caption className="visually-hidden">Alerts that there would have been, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Fired</th>
            <th scope="col">Device</th>
            {hasValue && (
              <th scope="col" className="numeric">
                {VALUES[condition.kind]}
              </th>
            )}
            <th scope="col" className="numeric">
              Lasted
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ device, firedAt, resolvedAt, value }) => (
            <tr key={`${device} ${firedAt}`}>
              <td className="numbers nowrap">{recentTime(firedAt)}</td>
              <td className="truncate preview-device">
                <DeviceLink id={device} />
              </td>
              {hasValue && (
                <td className="numeric nowrap">
                  {value === null ? '–' : valueText(value)}
                  {condition.kind === 'threshold' && unit && ` ${unit}`}
                </td>
              )}
              <td className="numeric nowrap">
                {resolvedAt === null ? 'fires now' : duration(Date.parse(resolvedAt) - Date.parse(firedAt))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {preview.fired > shown.length && (
        <p className="quiet small preview-more">
          and {plural(preview.fired - shown.length, 'earlier alert')}
        </p>
      )}
    </div>
  );
}

const VALUES: Readonly<Record<AlertCondition['kind'], string>> = {
  threshold: 'Value',
  missing: '',
  offline: '',
  flapping: 'Sessions',
  lost: 'Lost',
};
