import { Dialog } from '@base-ui/react/dialog';
import { type ReactNode, Suspense, useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import type { Session } from '../api/fleet.ts';
import { useFleetEvents } from '../api/live.ts';
import { useReachable } from '../api/reachability.ts';
import { IconButton } from '../ui/button.tsx';
import { Skeleton } from '../ui/placeholder.tsx';
import { AccountMenu } from './account-menu.tsx';
import { Brand } from './brand.tsx';
import { CrashGuard } from './crash-guard.tsx';
import { Navigation } from './navigation.tsx';

interface ShellProps {
  readonly session: Session;
  readonly children: ReactNode;
}

/** The frame around every page: navigation, account, and the banner when the server is away. */
export function Shell({ session, children }: ShellProps) {
  useFleetEvents();
  const [path] = useLocation();
  const [drawer, setDrawer] = useState(false);
  const reachable = useReachable();
  const main = useRef<HTMLElement>(null);
  const shownPath = useRef(path);
  useEffect(() => {
    setDrawer(false);
    if (shownPath.current === path) return;
    shownPath.current = path;
    window.scrollTo(0, 0);
    // Readers start at the new page, not at the link that led there.
    main.current?.focus({ preventScroll: true });
  }, [path]);

  return (
    <div className="shell">
      <a className="button primary skip" href="#main">
        Skip to content
      </a>
      <aside className="sidebar" aria-label="Main">
        <Brand />
        <Navigation />
        <AccountMenu session={session} />
      </aside>
      <header className="topbar">
        <IconButton label="Open navigation" icon="menu" onClick={() => setDrawer(true)} />
        <Brand />
      </header>
      <Dialog.Root open={drawer} onOpenChange={setDrawer}>
        <Dialog.Portal>
          <Dialog.Backdrop className="backdrop" />
          <Dialog.Popup className="drawer" aria-label="Navigation">
            <div className="sidebar">
              <Brand />
              <Navigation onFollow={() => setDrawer(false)} />
              <AccountMenu session={session} />
            </div>
          </Dialog.Popup>
        </Dialog.Portal>
      </Dialog.Root>
      <main className="main" id="main" tabIndex={-1} ref={main}>
        {!reachable && (
          <div className="banner" role="status">
            <span className="spinner" aria-hidden="true" />
            The server does not answer. What you see may be out of date; trying again.
          </div>
        )}
        <CrashGuard resetKey={path}>
          <Suspense
            fallback={
              <div className="page">
                <Skeleton lines={5} />
              </div>
            }
          >
            {children}
          </Suspense>
        </CrashGuard>
      </main>
    </div>
  );
}
