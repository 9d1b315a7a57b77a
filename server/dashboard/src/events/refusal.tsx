import type { AuditEntry } from '../api/fleet.ts';
import { describeRefusal } from '../fleet/refusals.ts';

/** Why something was refused and what to do; nothing for other actions. */
export function Refusal({ action, after }: Pick<AuditEntry, 'action' | 'after'>) {
  const text = refusalOf(action, after);
  return text && <p className="small event-reason">{text}</p>;
}

function refusalOf(action: string, after: AuditEntry['after']): string | undefined {
  if (action === 'device.pairing_refused') {
    return 'A master sent a pairing code that is wrong or has expired. Have the device issue a new one.';
  }
  if (action !== 'credential.refused') return undefined;
  const text = describeRefusal(after);
  return text.charAt(0).toUpperCase() + text.slice(1);
}
