import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { refreshAlerts } from '../../alerts/refresh.ts';
import { type AlertRule, changeRule, createRule } from '../../api/alert-rules.ts';
import { failureKind, faultOf } from '../../api/answer.ts';
import { useIsAdmin } from '../../api/queries.ts';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { Failure, Notice } from '../../ui/notice.tsx';
import { Card } from '../../ui/page.tsx';
import { toast } from '../../ui/toast.tsx';
import { ChannelChoice } from './channel-choice.tsx';
import { ConditionFields } from './condition-fields.tsx';
import { ConflictNotice } from './conflict-notice.tsx';
import { DeleteRuleDialog } from './delete-rule-dialog.tsx';
import { PreviewCard } from './preview/preview-card.tsx';
import { type DraftFaults, draftOf, FAULT_FIELDS, nameFor, type RuleDraft, readDraft } from './rule-draft.ts';
import { ScopeFields } from './scope-fields.tsx';
import { useFieldSuggestions } from './use-field-suggestions.ts';

interface RuleFormProps {
  /** What the form begins with. */
  readonly draft: RuleDraft;
  /** The rule as it is now; undefined for a new one. */
  readonly rule?: AlertRule;
}

/** What is watched, where, and who is told, beside what that would have done. */
export function RuleForm({ draft: given, rule }: RuleFormProps) {
  const client = useQueryClient();
  const isAdmin = useIsAdmin();
  const [, navigate] = useLocation();
  const [draft, setDraft] = useState(given);
  // What others change meanwhile must not be overwritten unseen: the version tells.
  const [version, setVersion] = useState(rule?.version ?? 0);
  const [isTried, setTried] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const { rule: what, faults } = readDraft(draft);
  const suggestions = useFieldSuggestions(draft, draft.kind === 'threshold');
  const unit = suggestions.fields.find(({ name }) => name === draft.field.trim())?.unit ?? '';
  const change = (changes: Partial<RuleDraft>) => setDraft((before) => ({ ...before, ...changes }));

  const save = useMutation({
    mutationFn: async () => {
      if (!what) throw new Error('the form has faults');
      const name = draft.name.trim() || nameFor(what.condition);
      const values = { ...what, name, channels: [...draft.channels] };
      return await (rule ? changeRule(rule.id, version, values) : createRule(values));
    },
    onSuccess: ({ name }) => {
      toast(rule ? `${name} saved` : `${name} added`, rule ? undefined : 'It is in effect from now on.');
      navigate('/alerts/rules');
    },
    onSettled: () => refreshAlerts(client),
  });
  const isConflict = failureKind(save.error) === 'precondition-failed';
  const shownFaults: DraftFaults = { ...serverFaults(save.error), ...(isTried ? faults : {}) };
  const isAtField = Object.keys(serverFaults(save.error)).length > 0;

  function submit() {
    setTried(true);
    if (what && !save.isPending) save.mutate();
  }

  return (
    <form
      className="columns rule-columns"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div className="stack">
        {!isAdmin && <Notice>You see this rule as a viewer. Changing it requires the admin role.</Notice>}
        <fieldset className="plain stack" disabled={!isAdmin}>
          <Card title="What to watch">
            <ConditionFields
              draft={draft}
              faults={shownFaults}
              suggestions={suggestions.fields}
              unit={unit}
              onChange={change}
            />
          </Card>
          <Card title="Where">
            <ScopeFields draft={draft} faults={shownFaults} onChange={change} />
          </Card>
          <Card title="Name and messages">
            <div className="stack">
              <TextField
                label="Name"
                hint="Stands in messages and in the history. Left empty, the rule is named after what it watches."
                placeholder={what ? nameFor(what.condition) : ''}
                fault={shownFaults.name}
                maxLength={100}
                autoComplete="off"
                value={draft.name}
                onChange={(event) => change({ name: event.target.value })}
              />
              <ChannelChoice
                chosen={draft.channels}
                fault={shownFaults.channels}
                onChange={(channels) => change({ channels })}
              />
            </div>
          </Card>
        </fieldset>
      </div>
      <div className="rule-preview">
        <PreviewCard rule={what} devices={suggestions.devices} unit={unit} />
      </div>
      <div className="stack rule-foot">
        {rule && version !== rule.version && !save.isPending && !save.isSuccess && (
          <ConflictNotice
            rule={rule}
            wasRefused={isConflict}
            onTake={() => {
              setDraft(draftOf(rule));
              setVersion(rule.version);
              save.reset();
            }}
            onKeep={() => {
              setVersion(rule.version);
              save.reset();
            }}
          />
        )}
        {save.error && !isConflict && !isAtField && <Failure error={save.error} />}
        {isTried && !what && (
          <Notice tone="bad" live>
            Something is missing or wrong above.
          </Notice>
        )}
        {isAdmin && (
          <div className="spread wrap">
            <span className="row">
              <Button type="submit" kind="primary" busy={save.isPending}>
                {rule ? 'Save' : 'Add the rule'}
              </Button>
              <ButtonLink href="/alerts/rules">Cancel</ButtonLink>
            </span>
            {rule && (
              <Button icon="trash" onClick={() => setDeleting(true)}>
                Delete
              </Button>
            )}
          </div>
        )}
      </div>
      <DeleteRuleDialog
        rule={deleting ? rule : undefined}
        onClose={() => setDeleting(false)}
        onDeleted={() => navigate('/alerts/rules')}
      />
    </form>
  );
}

function serverFaults(error: unknown): DraftFaults {
  return Object.fromEntries(
    FAULT_FIELDS.flatMap(([path, field]) => {
      const fault = faultOf(error, path);
      return fault === undefined ? [] : [[field, fault]];
    }),
  );
}
