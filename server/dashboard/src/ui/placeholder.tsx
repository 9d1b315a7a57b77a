import type { ReactNode } from 'react';
import { Icon, type IconName } from './icon.tsx';

interface EmptyProps {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
}

/** What stands where there is nothing yet: why, and what to do. */
export function Empty({ icon, title, children, actions }: EmptyProps) {
  return (
    <div className="empty">
      <Icon name={icon} size={30} />
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {actions && <div className="row-wrap">{actions}</div>}
    </div>
  );
}

/** Grey bars in the place of text that is on its way. */
export function Skeleton({ lines = 3 }: { readonly lines?: number }) {
  return (
    <div className="stack-s" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the bars have no other identity
        <span key={at} className="skeleton" style={{ width: `${92 - ((at * 23) % 46)}%` }} />
      ))}
    </div>
  );
}
