import { Component, type ReactNode } from 'react';
import { Button } from '../ui/button.tsx';
import { Empty } from '../ui/placeholder.tsx';

interface CrashGuardProps {
  readonly children: ReactNode;
  /** When it changes, the page is tried again. */
  readonly resetKey?: string;
}

const RELOADED = 'reloaded-for-new-version';

/**
 * Shows a way on where a page failed. A part of the page that can no longer be loaded is one of a version that the server
 * has replaced: reloading once brings the new one.
 */
export class CrashGuard extends Component<CrashGuardProps, { readonly failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override componentDidCatch(error: unknown): void {
    if (!isMissingChunk(error) || sessionStorage.getItem(RELOADED) === location.href) return;
    sessionStorage.setItem(RELOADED, location.href);
    location.reload();
  }

  override componentDidUpdate(before: CrashGuardProps): void {
    if (this.state.failed && before.resetKey !== this.props.resetKey) this.setState({ failed: false });
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div className="page" role="alert">
        <Empty
          icon="alert"
          title="This page failed"
          actions={
            <Button kind="primary" icon="refresh" onClick={() => location.reload()}>
              Reload
            </Button>
          }
        >
          Nothing you did is lost: changes are saved as they are made. Reload the page to go on.
        </Empty>
      </div>
    );
  }
}

function isMissingChunk(error: unknown): boolean {
  return error instanceof TypeError && /dynamically imported module|module script/i.test(error.message);
}
