import { CSPProvider } from '@base-ui/react/csp-provider';
import { type QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useSession } from './api/queries.ts';
import { useReachable } from './api/reachability.ts';
import { Routes } from './routes.tsx';
import { CrashGuard } from './shell/crash-guard.tsx';
import { Shell } from './shell/shell.tsx';
import { SignIn } from './shell/sign-in.tsx';
import { Failure } from './ui/notice.tsx';
import { Toasts } from './ui/toast.tsx';

/** The whole application. Nothing is shown before it is known who looks. */
export function App({ client }: { readonly client: QueryClient }) {
  return (
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={client}>
        <CrashGuard>
          <Signed />
        </CrashGuard>
        <Toasts />
      </QueryClientProvider>
    </CSPProvider>
  );
}

function Signed() {
  const session = useSession();
  // How often the session is asked for again depends on it.
  useReachable();
  if (session.data) {
    return (
      <Shell session={session.data}>
        <Routes />
      </Shell>
    );
  }
  if (session.data === null) return <SignIn />;
  if (session.error) {
    return (
      <div className="signin">
        <main>
          <h1 className="visually-hidden">Simple IoT Server</h1>
          <Failure error={session.error} retry={() => void session.refetch()} />
          <p className="quiet small">Trying again…</p>
        </main>
      </div>
    );
  }
  return null;
}
