import { describeCondition } from '../../alerts/describe-rule.ts';
import { RuleScope } from '../../alerts/rule-scope.tsx';
import type { AlertRule } from '../../api/alert-rules.ts';
import { Button } from '../../ui/button.tsx';
import { Notice } from '../../ui/notice.tsx';

interface ConflictNoticeProps {
  /** As somebody else left it. */
  readonly rule: AlertRule;
  /** Whether the operator tried to save. */
  readonly wasRefused: boolean;
  readonly onTake: () => void;
  readonly onKeep: () => void;
}

/** Somebody else has changed the rule: shows how it is now, and lets the operator choose. */
export function ConflictNotice({ rule, wasRefused, onTake, onKeep }: ConflictNoticeProps) {
  return (
    <Notice tone="warn" live>
      <div className="stack-s">
        <p>
          <span className="strong">Somebody else has changed this rule since you opened it.</span>
          {wasRefused && ' Yours was not saved.'} Now it is “{rule.name}”: {describeCondition(rule.condition)}
          , <RuleScope scope={rule.scope} />
          {rule.enabled ? '' : ', disabled'}.
        </p>
        <p className="row-wrap">
          <Button small onClick={onTake}>
            Show theirs
          </Button>
          <Button small onClick={onKeep}>
            Keep what I typed
          </Button>
        </p>
      </div>
    </Notice>
  );
}
