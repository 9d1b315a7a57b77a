import type { ReactNode } from 'react';
import { RequestFailure } from '../api/answer.ts';
import { Button } from './button.tsx';
import { Icon, type IconName } from './icon.tsx';

type Tone = 'neutral' | 'good' | 'warn' | 'bad';

const ICONS: Readonly<Record<Tone, IconName>> = {
  neutral: 'info',
  good: 'check',
  warn: 'alert',
  bad: 'alert',
};

interface NoticeProps {
  readonly tone?: Tone;
  readonly children: ReactNode;
  readonly action?: ReactNode;
  /** Whether it is read out as soon as it appears. */
  readonly live?: boolean;
}

export function Notice({ tone = 'neutral', children, action, live }: NoticeProps) {
  return (
    <div className={`notice ${tone}`} role={live ? (tone === 'bad' ? 'alert' : 'status') : undefined}>
      <Icon name={ICONS[tone]} />
      <div>{children}</div>
      {action}
    </div>
  );
}

/** What failed, in the server's words, with what to do about it. */
export function Failure({ error, retry }: { readonly error: unknown; readonly retry?: () => void }) {
  const { message, advice, requestId } = describe(error);
  return (
    <Notice
      tone="bad"
      live
      action={
        retry && (
          <Button small icon="refresh" onClick={retry}>
            Try again
          </Button>
        )
      }
    >
      <span className="strong">{message}</span> {advice}
      {requestId && (
        <span className="quiet">
          {' '}
          Request <code>{requestId}</code>.
        </span>
      )}
    </Notice>
  );
}

export function describe(error: unknown): {
  readonly message: string;
  readonly advice?: string;
  readonly requestId?: string | undefined;
} {
  if (!(error instanceof RequestFailure)) {
    return { message: 'This page failed.', advice: 'Reload it; if that does not help, report what you did.' };
  }
  const { message, kind, requestId } = error;
  switch (kind) {
    case 'unreachable':
      return { message, advice: 'Check that it runs and that this computer reaches it.' };
    case 'unavailable':
      return { message, advice: 'The database may be down or starting; the page tries again by itself.' };
    case 'precondition-failed':
      return {
        message: 'Somebody else has changed this since you opened it.',
        advice: 'What you see now is current: look at it and repeat the change.',
      };
    case 'forbidden':
      return { message, advice: 'Ask an administrator.' };
    case 'internal':
      return { message, advice: "The server's log has the details.", requestId };
    default:
      return { message };
  }
}
