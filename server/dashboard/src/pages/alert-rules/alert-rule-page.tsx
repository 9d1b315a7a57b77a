import { useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'wouter';
import { type AlertRule, alertRuleQuery } from '../../api/alert-rules.ts';
import { failureKind } from '../../api/answer.ts';
import { POLL_MS } from '../../api/live.ts';
import { ButtonLink } from '../../ui/button.tsx';
import { Failure } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Empty, Skeleton } from '../../ui/placeholder.tsx';
import { draftOf, EMPTY_DRAFT, type RuleDraft } from './rule-draft.ts';
import { RuleForm } from './rule-form.tsx';

const BACK = { href: '/alerts/rules', label: 'Alert rules' };

/** A rule that exists, or a new one. */
export function AlertRulePage({ id }: { readonly id: string }) {
  return id === 'new' ? <NewRule /> : <KnownRule id={id} />;
}

function NewRule() {
  const [params] = useSearchParams();
  const device = params.get('device') ?? '';
  const tag = params.get('tag') ?? '';
  const given: RuleDraft = {
    ...EMPTY_DRAFT,
    device,
    tag,
    scope: device ? 'device' : tag ? 'tag' : 'all',
  };
  return (
    <Page title="Add an alert rule" back={BACK}>
      <RuleForm draft={given} />
    </Page>
  );
}

function KnownRule({ id }: { readonly id: string }) {
  const rule = useQuery({ ...alertRuleQuery(id), refetchInterval: POLL_MS });
  const kind = failureKind(rule.error);
  const isGone = kind === 'not-found' || kind === 'bad-request';
  return (
    <Page title={rule.data && !isGone ? rule.data.name : 'Alert rule'} back={BACK}>
      {isGone ? (
        <div className="card">
          <Empty
            icon="bell"
            title="No such rule"
            actions={<ButtonLink href="/alerts/rules">All rules</ButtonLink>}
          >
            It was deleted, or the address is not right. The audit log knows what became of it.
          </Empty>
        </div>
      ) : rule.data ? (
        <Loaded rule={rule.data} />
      ) : rule.error ? (
        <Failure error={rule.error} retry={() => void rule.refetch()} />
      ) : (
        <div className="card">
          <div className="body">
            <Skeleton lines={6} />
          </div>
        </div>
      )}
    </Page>
  );
}

function Loaded({ rule }: { readonly rule: AlertRule }) {
  return <RuleForm draft={draftOf(rule)} rule={rule} />;
}
