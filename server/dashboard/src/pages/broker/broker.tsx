import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { answer } from '../../api/answer.ts';
import { type BrokerStatus, brokerHealth, brokerQuery } from '../../api/broker.ts';
import { api } from '../../api/client.ts';
import { POLL_MS } from '../../api/live.ts';
import { useIsAdmin } from '../../api/queries.ts';
import { count, plural } from '../../format/number.ts';
import { Button } from '../../ui/button.tsx';
import { Figure } from '../../ui/figure.tsx';
import { Failure, Notice } from '../../ui/notice.tsx';
import { Card, Page } from '../../ui/page.tsx';
import { Skeleton } from '../../ui/placeholder.tsx';
import { Ago } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { DoctorCard } from './doctor-card.tsx';
import { RejectsCard } from './rejects-card.tsx';

/** Whether the broker holds what it should, and what to do if it does not. */
export function Broker() {
  const isAdmin = useIsAdmin();
  const client = useQueryClient();
  const broker = useQuery({ ...brokerQuery(), refetchInterval: POLL_MS });
  const reconcile = useMutation({
    mutationFn: () => answer(api.broker.reconcile.$post()),
    onSuccess: (status) => {
      client.setQueryData(brokerQuery().queryKey, status);
      const { report, failure } = status.lastRun;
      if (failure) return;
      toast(
        'Broker reconciled',
        report && changesOf(report).length > 0 ? 'Differences were repaired.' : 'Nothing differed.',
      );
    },
  });

  return (
    <Page
      title="Broker"
      description="The database says what the broker should hold: who may connect, to which topics, and who is banned. The server compares the two and repairs differences."
      actions={
        isAdmin && (
          <Button icon="refresh" busy={reconcile.isPending} onClick={() => reconcile.mutate()}>
            Reconcile now
          </Button>
        )
      }
    >
      {broker.error && <Failure error={broker.error} retry={() => void broker.refetch()} />}
      {reconcile.error && <Failure error={reconcile.error} />}
      {broker.isPending && !broker.error && (
        <div className="card">
          <div className="body">
            <Skeleton lines={5} />
          </div>
        </div>
      )}
      {broker.data && <Status status={broker.data} />}
      <DoctorCard />
      <RejectsCard />
    </Page>
  );
}

function Status({ status }: { readonly status: BrokerStatus }) {
  const health = brokerHealth(status);
  const { lastRun } = status;
  return (
    <>
      <Notice tone={health.tone} live>
        <span className="strong">{health.title}</span> {health.advice}
      </Notice>
      <div className="figures">
        <Figure
          label="Server’s session"
          value={
            status.connection === 'online'
              ? 'Connected'
              : status.connection === 'refused'
                ? 'Refused'
                : 'Not connected'
          }
          note="answers PINGs, follows presence"
        />
        <Figure
          label="Waiting changes"
          value={count(status.queuedChanges)}
          note={status.queuedChanges === 0 ? 'all in effect' : 'applied in order when the broker is back'}
        />
        <Figure
          label="Device sessions"
          value={lastRun.report ? count(lastRun.report.sessions) : '–'}
          note="at the last comparison"
        />
        <Figure
          label="Last comparison"
          value={<Ago at={lastRun.at} />}
          note={lastRun.report ? `EMQX ${lastRun.report.version}` : 'no report yet'}
        />
      </div>
      {lastRun.report && <Report report={lastRun.report} />}
    </>
  );
}

type Report = NonNullable<BrokerStatus['lastRun']['report']>;

function Report({ report }: { readonly report: Report }) {
  const changes = changesOf(report);
  const { authenticators, sources, clientRules, bans } = report.foreign;
  const foreign = [
    ...authenticators.map((name) => `authenticator ${name}`),
    ...sources.map((name) => `authorization source ${name}`),
    ...(clientRules > 0 ? [plural(clientRules, 'client rule')] : []),
    ...(bans > 0 ? [plural(bans, 'ban')] : []),
  ];
  return (
    <div className="columns even">
      <Card title="Differences found and repaired" description="By the last comparison that succeeded.">
        {changes.length === 0 ? (
          <p>None. The broker held exactly what it should.</p>
        ) : (
          <ul className="bullets">
            {changes.map((change) => (
              <li key={change}>{change}</li>
            ))}
          </ul>
        )}
      </Card>
      <Card title="Made by others" description="Left alone, unless it would let someone in.">
        {foreign.length === 0 ? (
          <p>Nothing. The broker holds what this server put there and no more.</p>
        ) : (
          <ul className="bullets">
            {foreign.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        )}
      </Card>
      {report.warnings.length > 0 && (
        <Card title="Warnings">
          <ul className="bullets">
            {report.warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </Card>
      )}
    </div>
  );
}

function changesOf(report: Report): string[] {
  const { rulesAdded, rulesReplaced, rulesRemoved, bansAdded, bansLifted, sessionsEnded } = report.devices;
  const counted: readonly (readonly [number, string, string])[] = [
    [rulesAdded, 'rule', 'added'],
    [rulesReplaced, 'rule', 'replaced'],
    [rulesRemoved, 'rule', 'removed'],
    [bansAdded, 'ban', 'added'],
    [bansLifted, 'ban', 'lifted'],
    [sessionsEnded, 'session', 'ended'],
  ];
  return [
    ...report.differences,
    ...counted
      .filter(([number]) => number > 0)
      .map(([number, what, done]) => `${plural(number, what)} ${done}`),
  ];
}
