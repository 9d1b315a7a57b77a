import type { AlertChannel, ChannelKind } from '../api/alert-channels.ts';
import type { IconName } from '../ui/icon.tsx';

export const CHANNEL_KINDS: Readonly<
  Record<ChannelKind, { readonly name: string; readonly hint: string; readonly icon: IconName }>
> = {
  webhook: { name: 'Webhook', hint: 'Signed JSON to your own service', icon: 'send' },
  email: { name: 'E-mail', hint: 'Through the SMTP server', icon: 'mail' },
  ntfy: { name: 'ntfy', hint: 'Push messages to phones', icon: 'bell' },
};

/** Where a channel delivers to, in one line. */
export function describeTarget({ target }: Pick<AlertChannel, 'target'>): string {
  return target.kind === 'email' ? target.to.join(', ') : target.url;
}
