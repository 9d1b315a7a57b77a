import { useQuery } from '@tanstack/react-query';
import { POLL_MS } from '../../api/live.ts';
import { type Ingest, ingestQuery } from '../../api/telemetry.ts';
import { count } from '../../format/number.ts';
import { Notice } from '../../ui/notice.tsx';
import { Card } from '../../ui/page.tsx';
import { Skeleton } from '../../ui/placeholder.tsx';
import { Ago } from '../../ui/time.tsx';
import { Health } from './health.tsx';
import { useRate } from './rate.ts';

const SESSIONS = {
  online: { tone: 'good', text: 'Receiving' },
  standby: { tone: 'good', text: 'Received by another instance' },
  connecting: { tone: 'warn', text: 'Connecting to the broker' },
  refused: { tone: 'bad', text: 'Refused by the broker' },
} as const;

/** Whether records arrive and are stored, and whether anything was lost. */
export function TelemetryCard() {
  const ingest = useQuery({ ...ingestQuery(), refetchInterval: POLL_MS });
  const rate = useRate(ingest.data && arrived(ingest.data.account), ingest.dataUpdatedAt);
  const loss = ingest.data?.events.find(({ kind }) => kind === 'session_lost');
  return (
    <Card title="Telemetry">
      {!ingest.data && !ingest.error && <Skeleton />}
      {ingest.error && <p className="quiet">Not known: the server does not say.</p>}
      {ingest.data && (
        <div className="stack">
          {loss && (
            <Notice tone="warn">
              The broker lost its memory <Ago at={loss.at} />. Numbered records are sent again by their
              devices; others that waited there are gone.
            </Notice>
          )}
          <dl className="facts health">
            <dt>Records</dt>
            <dd>
              <Health {...SESSIONS[ingest.data.session]} />
            </dd>
            <dt>Rate</dt>
            <dd className="numbers">{rate === undefined ? 'Measuring…' : `${rateText(rate)} messages/s`}</dd>
            <dt>Stored</dt>
            <dd className="numbers">{count(ingest.data.account.stored)}</dd>
            <dt>Waiting</dt>
            <dd className="numbers">{count(ingest.data.waiting)}</dd>
            <dt>Repeated</dt>
            <dd className="numbers">{count(ingest.data.account.repeated)}</dd>
            <dt>Lost</dt>
            <dd className={`numbers ${ingest.data.account.lost > 0 ? 'bad-text' : ''}`}>
              {count(ingest.data.account.lost)}
            </dd>
            <dt>Rejected</dt>
            <dd className={`numbers ${ingest.data.account.rejected > 0 ? 'bad-text' : ''}`}>
              {count(ingest.data.account.rejected)}
            </dd>
          </dl>
        </div>
      )}
    </Card>
  );
}

function arrived({ stored, repeated, rejected }: Ingest['account']): number {
  return stored + repeated + rejected;
}

function rateText(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : count(Math.round(perSecond));
}
