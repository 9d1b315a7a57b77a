import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { DisabledChannels } from '../../alerts/disabled-channels.tsx';
import { type AlertSummary, alertSummaryQuery } from '../../api/alerts.ts';
import { failureKind } from '../../api/answer.ts';
import { brokerHealth, brokerQuery } from '../../api/broker.ts';
import { type Summary, summaryQuery } from '../../api/fleet.ts';
import { POLL_MS, usePoll } from '../../api/live.ts';
import { useIsAdmin } from '../../api/queries.ts';
import { count, plural } from '../../format/number.ts';
import { ButtonLink } from '../../ui/button.tsx';
import { Figure } from '../../ui/figure.tsx';
import { Failure, Notice } from '../../ui/notice.tsx';
import { Card, Page } from '../../ui/page.tsx';
import { Empty } from '../../ui/placeholder.tsx';
import { Health } from './health.tsx';
import { RecentEvents } from './recent-events.tsx';
import { TelemetryCard } from './telemetry-card.tsx';

/** How devices and system are, at a glance. */
export function Overview() {
  const isAdmin = useIsAdmin();
  const poll = usePoll();
  const summary = useQuery({ ...summaryQuery({}), refetchInterval: poll });
  const broker = useQuery({ ...brokerQuery(), refetchInterval: POLL_MS });
  const alerts = useQuery({ ...alertSummaryQuery(), refetchInterval: poll });
  const health = broker.data && brokerHealth(broker.data);

  return (
    <Page
      title="Overview"
      actions={
        isAdmin && (
          <ButtonLink href="/devices/new" kind="primary" icon="plus">
            Add a device
          </ButtonLink>
        )
      }
    >
      {summary.error && <Failure error={summary.error} retry={() => void summary.refetch()} />}
      {health && health.tone !== 'good' && (
        <Notice
          tone={health.tone}
          live
          action={
            <Link href="/broker" className="link">
              Broker
            </Link>
          }
        >
          <span className="strong">{health.title}</span> {health.advice}
        </Notice>
      )}
      <DisabledChannels count={alerts.data?.disabledChannels ?? 0} />
      {summary.data?.total === 0 ? (
        <div className="card">
          <Empty
            icon="device"
            title="No devices yet"
            actions={
              isAdmin && (
                <ButtonLink href="/devices/new" kind="primary" icon="plus">
                  Add a device
                </ButtonLink>
              )
            }
          >
            Add the first device: you get its UUID, its key and a sketch to flash, and see it come online. Or
            start one that is simulated with <code>npx -y bun run device</code>.
          </Empty>
        </div>
      ) : (
        <Figures summary={summary.data} alerts={alerts.data} />
      )}
      <div className="columns">
        <Card
          title="Recent events"
          flush
          actions={
            <Link href="/audit" className="link small">
              Audit log
            </Link>
          }
        >
          <RecentEvents />
        </Card>
        <div className="stack">
          <Card title="System">
            <dl className="facts health">
              <dt>Broker</dt>
              <dd>
                <Health tone={health?.tone} text={health ? shortHealth(health.tone) : 'Asking…'} />
              </dd>
              <dt>Database</dt>
              <dd>
                <Health {...databaseHealth(summary.error, summary.data)} />
              </dd>
              <dt>PING handling</dt>
              <dd>
                <span className="numbers">{broker.data ? pingText(broker.data.pingMs) : '–'}</span>
                <p className="small quiet">
                  Inside this server, from receiving a PING to publishing its PONG. The network is not in it.
                </p>
              </dd>
              <dt>Waiting changes</dt>
              <dd className="numbers">{broker.data ? count(broker.data.queuedChanges) : '–'}</dd>
              <dt>Devices</dt>
              <dd className="numbers">
                {summary.data ? (
                  <>
                    <Link href="/devices" className="link">
                      {count(summary.data.total)}
                    </Link>
                    <span className="quiet">
                      {' · '}
                      {plural(summary.data.masters, 'master')}, {plural(summary.data.agents, 'agent')}
                    </span>
                  </>
                ) : (
                  '–'
                )}
              </dd>
              <dt>Unpaired agents</dt>
              <dd className="numbers">
                {summary.data ? (
                  <Link href="/devices?master=none" className="link">
                    {count(summary.data.unpairedAgents)}
                  </Link>
                ) : (
                  '–'
                )}
              </dd>
            </dl>
          </Card>
          <TelemetryCard />
        </div>
      </div>
    </Page>
  );
}

interface FiguresProps {
  readonly summary: Summary | undefined;
  readonly alerts: AlertSummary | undefined;
}

function Figures({ summary, alerts }: FiguresProps) {
  return (
    <div className="figures">
      <Figure
        href="/devices?state=active&online=true"
        label="Online"
        value={summary?.online}
        tone="good"
        note={summary && `of ${count(summary.active)} active`}
      />
      <Figure
        href="/devices?state=active&online=false"
        label="Offline"
        value={summary?.offline}
        tone="quiet"
        note={
          summary &&
          (summary.neverSeen > 0 ? `${count(summary.neverSeen)} never connected` : 'all seen before')
        }
      />
      <Figure
        href="/approvals"
        label="Pending"
        value={summary?.pending}
        tone={summary?.pending ? 'warn' : 'hollow'}
        note="wait for approval"
      />
      <Figure
        href="/devices?state=revoked"
        label="Revoked"
        value={summary?.revoked}
        tone={summary?.revoked ? 'bad' : 'hollow'}
        note="shut out"
      />
      <Figure
        href="/devices?flapping=true"
        label="Flapping"
        value={summary?.flapping}
        tone={summary?.flapping ? 'warn' : 'hollow'}
        note="within 10 minutes"
      />
      <Figure
        href="/alerts"
        label="Alerts firing"
        value={alerts?.firing}
        tone={alerts?.firing ? 'bad' : 'hollow'}
        note={alerts && alertNote(alerts)}
      />
    </div>
  );
}

function pingText(ms: number | null): string {
  if (ms === null) return 'none yet';
  return ms < 1 ? 'below 1 ms' : `${count(Math.round(ms))} ms`;
}

function alertNote({ firing, unacknowledged, devices }: AlertSummary): string {
  if (firing === 0) return 'all quiet';
  return unacknowledged === 0 ? `on ${plural(devices, 'device')}` : `${count(unacknowledged)} unacknowledged`;
}

/** Only the server can tell: where it is away itself, nothing is known of its database. */
function databaseHealth(error: unknown, summary: Summary | undefined) {
  if (failureKind(error) === 'unavailable') return { tone: 'bad', text: 'Not answering' };
  if (error) return { tone: undefined, text: 'Not known' };
  return summary ? { tone: 'good', text: 'Answering' } : { tone: undefined, text: 'Asking…' };
}

function shortHealth(tone: string): string {
  if (tone === 'good') return 'Reconciled';
  return tone === 'bad' ? 'Needs attention' : 'Catching up';
}
