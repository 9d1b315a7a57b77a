import { useQuery } from '@tanstack/react-query';
import { POLL_MS } from '../../api/live.ts';
import { ingestQuery } from '../../api/telemetry.ts';
import { count } from '../../format/number.ts';
import { Notice } from '../../ui/notice.tsx';
import { Card } from '../../ui/page.tsx';
import { Skeleton } from '../../ui/placeholder.tsx';
import { Ago } from '../../ui/time.tsx';
import { Health } from './health.tsx';

const SESSIONS = {
  online: { tone: 'good', text: 'Receiving' },
  standby: { tone: 'good', text: 'Received by another instance' },
  connecting: { tone: 'warn', text: 'Connecting to the broker' },
  refused: { tone: 'bad', text: 'Refused by the broker' },
} as const;

/** Whether records arrive and are stored, and whether anything was lost. */
export function TelemetryCard() {
  const ingest = useQuery({ ...ingestQuery(), refetchInterval: POLL_MS });
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
            <dt>Stored</dt>
            <dd className="numbers">
              {count(ingest.data.counts.stored)} <span className="quiet">since the start</span>
            </dd>
            <dt>Waiting</dt>
            <dd className="numbers">{count(ingest.data.waiting)}</dd>
            <dt>Repeated</dt>
            <dd className="numbers">{count(ingest.data.counts.repeated)}</dd>
            <dt>Rejected</dt>
            <dd className={`numbers ${ingest.data.counts.rejected > 0 ? 'bad-text' : ''}`}>
              {count(ingest.data.counts.rejected)}
            </dd>
          </dl>
        </div>
      )}
    </Card>
  );
}
