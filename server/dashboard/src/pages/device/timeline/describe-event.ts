import { ENDINGS } from '../../../alerts/endings.ts';
import type { TimelineEvent } from '../../../api/presence.ts';
import { kindOf } from '../../../events/audit-kinds.ts';
import { duration } from '../../../format/time.ts';
import type { IconName } from '../../../ui/icon.tsx';

interface Described {
  readonly icon: IconName;
  readonly tone?: 'good' | 'warn' | 'bad' | undefined;
  readonly title: string;
  /** Follows the title in its line. */
  readonly aside?: string | undefined;
  /** What there is to say about it, as sentences. */
  readonly text?: string | undefined;
}

/** An event in words. What the audit log has of it is shown beside that. */
export function describeEvent({ what, detail }: TimelineEvent): Described {
  switch (what) {
    case 'session.began':
      return {
        icon: 'wave',
        tone: 'good',
        title: 'Connected',
        aside: detail.address ? `from ${detail.address}` : undefined,
      };
    case 'session.ended':
      return {
        icon: 'unlink',
        tone: endTone(detail.reason),
        title: 'Disconnected',
        aside: detail.seconds === undefined ? undefined : `after ${duration(detail.seconds * 1_000)}`,
        text: detail.why ?? 'Why is not known.',
      };
    case 'command.done':
      return { icon: 'check', tone: 'good', title: `Command ${detail.c} done` };
    case 'command.failed':
      return {
        icon: 'alert',
        tone: 'bad',
        title: `Command ${detail.c} failed`,
        text: detail.error ? `The device answered: ${detail.error}` : 'The device answered that it failed.',
      };
    case 'command.expired':
      return {
        icon: 'clock',
        tone: 'warn',
        title: `Command ${detail.c} expired`,
        text: 'The device did not answer in time.',
      };
    case 'alert.fired':
      return { icon: 'bell', tone: 'bad', title: 'Alert fired', aside: detail.rule, text: detail.message };
    case 'alert.resolved':
      return {
        icon: 'check',
        tone: 'good',
        title: 'Alert resolved',
        aside: detail.rule,
        text: ending(detail.resolution),
      };
    default: {
      const { text, icon, tone } = kindOf(what);
      const command = detail.after?.c;
      return { icon, tone, title: text, aside: typeof command === 'string' ? command : undefined };
    }
  }
}

/** A device that leaves properly, or is sent away, is as it should be. */
function endTone(reason: string | null | undefined): Described['tone'] {
  if (reason === 'normal' || reason === 'kicked' || reason === 'missed') return undefined;
  return reason === 'takenover' || reason === 'discarded' ? 'bad' : 'warn';
}

/** How an alert ended other than by its condition. */
function ending(resolution: string | null | undefined): string | undefined {
  if (resolution === 'cleared') return undefined;
  const known = Object.entries(ENDINGS).find(([name]) => name === resolution);
  return known && `${known[1]}.`;
}
