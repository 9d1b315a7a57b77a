import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { refreshAlerts } from '../../alerts/refresh.ts';
import { SilenceDialog } from '../../alerts/silence-dialog.tsx';
import { type AlertRule, alertRulesQuery, changeRule } from '../../api/alert-rules.ts';
import { type SilenceTarget, silence } from '../../api/alerts.ts';
import { POLL_MS } from '../../api/live.ts';
import { useIsAdmin } from '../../api/queries.ts';
import { ButtonLink } from '../../ui/button.tsx';
import { describe, Failure } from '../../ui/notice.tsx';
import { Empty, Skeleton } from '../../ui/placeholder.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { AlertsFrame } from '../alerts/alerts-frame.tsx';
import { DeleteRuleDialog } from './delete-rule-dialog.tsx';
import { RuleLine } from './rule-line.tsx';

/** What is watched. */
export function AlertRules() {
  const client = useQueryClient();
  const isAdmin = useIsAdmin();
  const rules = useQuery({ ...alertRulesQuery(), refetchInterval: POLL_MS });
  const [silencing, setSilencing] = useState<readonly SilenceTarget[]>();
  const [doomed, setDoomed] = useState<string>();
  const enable = useMutation({
    mutationFn: ({ rule, enabled }: { readonly rule: AlertRule; readonly enabled: boolean }) =>
      changeRule(rule.id, rule.version, { enabled }),
    onSuccess: ({ name, enabled }) => toast(`${name} ${enabled ? 'enabled' : 'disabled'}`),
    onError: (error) => {
      const { message, advice } = describe(error);
      toastError(message, advice);
    },
    onSettled: () => refreshAlerts(client),
  });
  const endSilence = useMutation({
    mutationFn: ({ id, name }: AlertRule) => silence({ kind: 'rule', id, name }, null),
    onSuccess: (_, { name }) => toast(`Messages of ${name} are sent again`),
    onError: (error) => toastError('The silence was not ended', describe(error).message),
    onSettled: () => refreshAlerts(client),
  });
  const actions = {
    changing: enable.isPending ? enable.variables.rule.id : undefined,
    onEnable: (rule: AlertRule, enabled: boolean) => enable.mutate({ rule, enabled }),
    onSilence: ({ id, name }: AlertRule) => setSilencing([{ kind: 'rule', id, name }]),
    onEndSilence: (rule: AlertRule) => endSilence.mutate(rule),
    onDelete: ({ id }: AlertRule) => setDoomed(id),
  };
  const addRule = isAdmin && (
    <ButtonLink href="/alerts/rules/new" kind="primary" icon="plus">
      Add a rule
    </ButtonLink>
  );

  return (
    <AlertsFrame tab="rules" actions={addRule}>
      {rules.error && <Failure error={rules.error} retry={() => void rules.refetch()} />}
      <section className="card" aria-label="Rules">
        {rules.isPending && !rules.error && (
          <div className="body">
            <Skeleton lines={5} />
          </div>
        )}
        {rules.data?.length === 0 && (
          <Empty icon="bell" title="No rules yet" actions={addRule}>
            A rule says when to raise an alert: a value beyond a limit, no records, a device that is offline
            or flapping, records that were lost. Before you save one, it is tried on the last day.
          </Empty>
        )}
        {rules.data && rules.data.length > 0 && (
          <ul className="events rules" aria-label="Rules, newest first">
            {rules.data.map((rule) => (
              <RuleLine key={rule.id} rule={rule} actions={isAdmin ? actions : undefined} />
            ))}
          </ul>
        )}
      </section>
      <SilenceDialog targets={silencing} onClose={() => setSilencing(undefined)} />
      <DeleteRuleDialog
        rule={rules.data?.find(({ id }) => id === doomed)}
        onClose={() => setDoomed(undefined)}
      />
    </AlertsFrame>
  );
}
