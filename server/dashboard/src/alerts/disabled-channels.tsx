import { Link } from 'wouter';
import { plural } from '../format/number.ts';
import { Notice } from '../ui/notice.tsx';

/** Says that messages do not arrive; nothing while they do. */
export function DisabledChannels({ count }: { readonly count: number }) {
  if (count === 0) return null;
  return (
    <Notice
      tone="bad"
      live
      action={
        <Link href="/alerts/channels" className="link">
          Channels
        </Link>
      }
    >
      <span className="strong">Alerts are not delivered.</span> The server disabled {plural(count, 'channel')}{' '}
      because deliveries failed.
    </Notice>
  );
}
