import type { AlertPreview } from '../../../api/alert-rules.ts';
import { failureKind } from '../../../api/answer.ts';
import { count, plural } from '../../../format/number.ts';
import { Failure, Notice } from '../../../ui/notice.tsx';
import { Card } from '../../../ui/page.tsx';
import { Skeleton } from '../../../ui/placeholder.tsx';
import type { RuleWhat } from '../rule-draft.ts';
import { FiringList } from './firing-list.tsx';
import { FiringTimeline } from './firing-timeline.tsx';
import { usePreview } from './use-preview.ts';
import { ValueChart } from './value-chart.tsx';

interface PreviewCardProps {
  /** Undefined while the rule is not complete. */
  readonly rule: RuleWhat | undefined;
  /** Devices in the scope, any of them. */
  readonly devices: readonly string[];
  readonly unit: string;
}

/** What the rule would have done in the last 24 hours. */
export function PreviewCard({ rule, devices, unit }: PreviewCardProps) {
  const preview = usePreview(rule);
  const isFaulty = failureKind(preview.error) === 'validation-failed';
  return (
    <Card
      title="On the last 24 hours"
      description="Tried on what your devices sent. Nothing is kept or sent."
    >
      {!rule ? (
        <p className="quiet">Complete the rule to see when it would have fired.</p>
      ) : preview.error && preview.isCurrent && !isFaulty ? (
        <Failure error={preview.error} retry={() => void preview.refetch()} />
      ) : isFaulty && preview.isCurrent ? (
        <p className="quiet">The server does not take this rule as it is.</p>
      ) : !preview.data ? (
        <Skeleton lines={4} />
      ) : (
        <div className={preview.isCurrent ? 'stack' : 'stack stale'} aria-busy={!preview.isCurrent}>
          <Verdict preview={preview.data} />
          {rule.condition.kind === 'threshold' && (
            <ValueChart
              preview={preview.data}
              condition={rule.condition}
              device={preview.data.alerts[0]?.device ?? devices[0]}
              unit={unit}
            />
          )}
          {preview.data.alerts.length > 0 && (
            <>
              {!isInChart(rule, preview.data) && <FiringTimeline preview={preview.data} />}
              <FiringList preview={preview.data} rule={rule} unit={unit} />
            </>
          )}
        </div>
      )}
    </Card>
  );
}

/** Whether the chart of values has all there is on the timeline. */
function isInChart({ condition }: RuleWhat, { alerts }: AlertPreview): boolean {
  return condition.kind === 'threshold' && alerts.every(({ device }) => device === alerts[0]?.device);
}

function Verdict({ preview }: { readonly preview: AlertPreview }) {
  const { devices, examined, fired, truncated, alerts } = preview;
  const now = alerts.filter(({ resolvedAt }) => resolvedAt === null).length;
  const affected = new Set(alerts.map(({ device }) => device)).size;
  return (
    <>
      <p className="verdict" role="status">
        {devices === 0 ? (
          'No active device is in the scope.'
        ) : fired === 0 ? (
          <>
            <span className="strong">Would not have fired</span> on {plural(examined, 'device')}.
          </>
        ) : (
          <>
            <span className="strong">Would have fired {plural(fired, 'time')}</span> on {count(affected)} of{' '}
            {plural(examined, 'device')}
            {now > 0 ? `; ${count(now)} would be firing now.` : '.'}
          </>
        )}
      </p>
      {truncated && (
        <Notice tone="warn">
          {examined < devices
            ? `${count(examined)} of ${count(devices)} devices were examined; there may be more alerts.`
            : 'Not all records or alerts of the day are in this answer.'}
        </Notice>
      )}
    </>
  );
}
