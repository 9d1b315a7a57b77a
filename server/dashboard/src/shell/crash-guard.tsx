import { Component, type ReactNode } from 'react';
import { Button } from '../ui/button.tsx';
import { Empty } from '../ui/placeholder.tsx';

interface CrashGuardProps {
  readonly children: ReactNode;
  /** When it changes, the page is tried again. */
  readonly resetKey?: string;
}

interface CrashGuardState {
  readonly failed: boolean;
  /** Whether a part of the page is missing, and the server is being asked for it. */
  readonly isWaiting: boolean;
}

const WHOLE: CrashGuardState = { failed: false, isWaiting: false };
const AGAIN_MS = 1_500;

/**
 * Shows a way on where a page failed. A part of the page that cannot be loaded is one of a version that the server has
 * replaced, or the server is away: once it answers, reloading brings the page.
 */
export class CrashGuard extends Component<CrashGuardProps, CrashGuardState> {
  override state = WHOLE;
  #asking: ReturnType<typeof setTimeout> | undefined;

  static getDerivedStateFromError(error: unknown): CrashGuardState {
    return { failed: true, isWaiting: isMissingChunk(error) };
  }

  override componentDidCatch(error: unknown): void {
    if (isMissingChunk(error)) void this.#reloadOnceServed();
  }

  override componentDidUpdate(before: CrashGuardProps): void {
    if (this.state.failed && before.resetKey !== this.props.resetKey) this.setState(WHOLE);
  }

  override componentWillUnmount(): void {
    clearTimeout(this.#asking);
  }

  /** Reloaded while the server is away, the browser would show an error of its own in the place of the application. */
  async #reloadOnceServed(): Promise<void> {
    clearTimeout(this.#asking);
    const served = await isServed();
    if (!this.state.isWaiting) return;
    if (!served) {
      this.#asking = setTimeout(() => void this.#reloadOnceServed(), AGAIN_MS);
      return;
    }
    if (wasReloadedLately()) this.setState({ isWaiting: false });
    else location.reload();
  }

  override render() {
    const { failed, isWaiting } = this.state;
    if (!failed) return this.props.children;
    if (isWaiting) {
      return (
        <div className="page" role="status">
          <Empty icon="clock" title="This page is not loaded yet">
            The server does not answer. The page is loaded as soon as it does.
          </Empty>
        </div>
      );
    }
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

async function isServed(): Promise<boolean> {
  try {
    const { ok } = await fetch(location.pathname, { method: 'HEAD', headers: { Accept: 'text/html' } });
    return ok;
  } catch {
    return false;
  }
}

const RELOADED = 'reloaded-at';
const LATELY_MS = 20_000;

/** Whether reloading has not helped; where storage is closed to pages, it is left to the operator. */
function wasReloadedLately(): boolean {
  try {
    const at = Number(sessionStorage.getItem(RELOADED));
    sessionStorage.setItem(RELOADED, String(Date.now()));
    return Date.now() - at < LATELY_MS;
  } catch {
    return true;
  }
}
