import { Link, useLocation } from 'wouter';
import { describeCondition } from '../../alerts/describe-rule.ts';
import { RuleScope } from '../../alerts/rule-scope.tsx';
import type { AlertRule } from '../../api/alert-rules.ts';
import { count } from '../../format/number.ts';
import { fullTime } from '../../format/time.ts';
import { IconButton } from '../../ui/button.tsx';
import { Icon, type IconName } from '../../ui/icon.tsx';
import { Menu } from '../../ui/menu.tsx';
import { Switch } from '../../ui/switch.tsx';

export interface RuleActions {
  onEnable(rule: AlertRule, enabled: boolean): void;
  onSilence(rule: AlertRule): void;
  onEndSilence(rule: AlertRule): void;
  onDelete(rule: AlertRule): void;
  /** The rule that is being changed. */
  readonly changing: string | undefined;
}

interface RuleLineProps {
  readonly rule: AlertRule;
  /** Undefined for those who may not. */
  readonly actions: RuleActions | undefined;
}

export const KIND_ICONS: Readonly<Record<AlertRule['condition']['kind'], IconName>> = {
  threshold: 'chart',
  missing: 'clock',
  offline: 'ban',
  flapping: 'wave',
  lost: 'trash',
};

/** A rule: what it watches, where, and how it stands. */
export function RuleLine({ rule, actions }: RuleLineProps) {
  const [, navigate] = useLocation();
  const { id, name, enabled, condition, scope, silencedUntil } = rule;
  return (
    <li>
      <span className={`event-icon ${enabled && rule.firing > 0 ? 'bad' : ''}`}>
        <Icon name={KIND_ICONS[condition.kind]} />
      </span>
      <div className="grow alert-what">
        <p>
          <Link href={`/alerts/rules/${id}`} className="link strong">
            {name}
          </Link>
        </p>
        <p className="alert-message">
          {capital(describeCondition(condition))} · <RuleScope scope={scope} />
        </p>
        {(!enabled || silencedUntil || rule.firing > 0 || rule.pending > 0) && (
          <p className="row-wrap alert-marks">
            {!enabled && <span className="badge">Disabled</span>}
            {rule.firing > 0 && (
              <Link href={`/alerts?rule=${id}`} className="badge bad">
                <span className="dot bad" aria-hidden="true" />
                {count(rule.firing)} firing
              </Link>
            )}
            {rule.pending > 0 && (
              <span className="badge warn" title="Beyond the limit, but not for long enough yet">
                {count(rule.pending)} pending
              </span>
            )}
            {silencedUntil && (
              <span className="badge">
                <Icon name="mute" size={13} />
                Silenced until {fullTime(silencedUntil)}
              </span>
            )}
          </p>
        )}
      </div>
      {actions && (
        <span className="row alert-actions">
          <Switch
            label={`${name} is enabled`}
            checked={enabled}
            busy={actions.changing === id}
            onChange={(next) => actions.onEnable(rule, next)}
          />
          <Menu
            trigger={<IconButton small label={`More actions on ${name}`} icon="more" />}
            groups={[
              [
                { label: 'Edit', icon: 'edit', onSelect: () => navigate(`/alerts/rules/${id}`) },
                {
                  label: 'Its alerts',
                  icon: 'bell',
                  onSelect: () => navigate(`/alerts?state=all&rule=${id}`),
                },
                { label: 'Silence…', icon: 'mute', onSelect: () => actions.onSilence(rule) },
                ...(silencedUntil
                  ? [
                      {
                        label: 'End the silence',
                        icon: 'bell' as const,
                        onSelect: () => actions.onEndSilence(rule),
                      },
                    ]
                  : []),
              ],
              [{ label: 'Delete', icon: 'trash', danger: true, onSelect: () => actions.onDelete(rule) }],
            ]}
          />
        </span>
      )}
    </li>
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
