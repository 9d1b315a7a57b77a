import { useSearchParams } from 'wouter';
import type { TimelineKind } from '../../../api/presence.ts';

/** What the timeline can be narrowed to, in the order of the choice, and what stands there when there is none of it. */
export const KINDS: readonly (readonly [kind: TimelineKind, label: string, none: string])[] = [
  ['session', 'Connections', 'No connections yet'],
  ['refusal', 'Refusals', 'Nothing was refused'],
  ['change', 'Changes', 'No changes'],
  ['command', 'Commands', 'No commands yet'],
  ['alert', 'Alerts', 'No alerts yet'],
];

/** The kind that is shown, kept in the address; everything unless given. */
export function useTimelineKind() {
  const [params, setParams] = useSearchParams();
  const kind = KINDS.find(([name]) => name === params.get('kind'))?.[0];
  function show(next: TimelineKind | undefined): void {
    setParams(
      (before) => {
        const after = new URLSearchParams(before);
        if (next) after.set('kind', next);
        else after.delete('kind');
        return after;
      },
      { replace: true },
    );
  }
  return { kind, show };
}
