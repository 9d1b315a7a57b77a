import type { DeviceCommand } from '../../../api/commands.ts';
import { plural } from '../../../format/number.ts';

const STATES: Readonly<Record<DeviceCommand['state'], { readonly word: string; readonly tone: string }>> = {
  queued: { word: 'Queued', tone: 'hollow' },
  sent: { word: 'Sent', tone: 'accent' },
  done: { word: 'Done', tone: 'good' },
  failed: { word: 'Failed', tone: 'bad' },
  expired: { word: 'Expired', tone: 'warn' },
  cancelled: { word: 'Cancelled', tone: 'quiet' },
};

export const STATE_OPTIONS = [
  ['', 'Any state'],
  ...Object.entries(STATES).map(([state, { word }]) => [state, word] as const),
] as const;

export function CommandBadge({ state }: Pick<DeviceCommand, 'state'>) {
  const { word, tone } = STATES[state];
  return (
    <span className={`badge ${tone}`}>
      <span className={`dot ${tone}`} aria-hidden="true" />
      {word}
    </span>
  );
}

/** What the state means for whoever waits, in a sentence. */
export function stateSentence(command: DeviceCommand): string {
  switch (command.state) {
    case 'queued':
      return 'Waits until the device listens. It is sent by itself.';
    case 'sent':
      return `Sent ${plural(command.attempts, 'time')}; repeated until the device replies.`;
    case 'done':
      return 'The device did it.';
    case 'failed':
      return 'The device refused it.';
    case 'expired':
      return expired(command);
    case 'cancelled':
      return command.attempts > 0
        ? 'Not sent any more. The device may have executed it.'
        : 'Cancelled before it was sent.';
  }
}

function expired({ attempts, repliedAt }: DeviceCommand): string {
  if (repliedAt) return 'The reply came after it had expired.';
  return attempts > 0
    ? `Sent ${plural(attempts, 'time')}, not answered in time. The device may have executed it.`
    : 'The device did not listen before it expired.';
}
