import { MutationCache, QueryCache, QueryClient, queryOptions, useQuery } from '@tanstack/react-query';
import { answer, failureKind, RequestFailure } from './answer.ts';
import { api } from './client.ts';
import type { Session } from './fleet.ts';
import { isReachable, onReachabilityChange } from './reachability.ts';

const SESSION = ['session'] as const;

/** Caches what the server answered. A session that ended anywhere brings the sign-in page back. */
export function createQueryClient(): QueryClient {
  const noteFailure = (error: unknown) => {
    if (failureKind(error) === 'unauthenticated' && client.getQueryData(SESSION)) changeSession(client, null);
  };
  const client = new QueryClient({
    queryCache: new QueryCache({ onError: noteFailure }),
    mutationCache: new MutationCache({ onError: noteFailure }),
    defaultOptions: {
      queries: {
        // A server in the local network answers without the internet that the browser looks for.
        networkMode: 'always',
        staleTime: 1_000,
        retry: (count, error) => count < 2 && isPassing(error),
        retryDelay: (count) => 400 * 2 ** count,
      },
      mutations: { networkMode: 'always' },
    },
  });
  onReachabilityChange(() => {
    if (isReachable()) void client.invalidateQueries();
  });
  return client;
}

function isPassing(error: unknown): boolean {
  return error instanceof RequestFailure && (error.status === 0 || error.status >= 500);
}

/** Somebody signed in, or out: nothing of what was shown before remains. */
export function changeSession(client: QueryClient, session: Session | null): void {
  // An answer to who was signed in before comes too late.
  void client.cancelQueries({ queryKey: SESSION });
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION[0] });
  client.setQueryData(SESSION, session);
}

/** Who is signed in: null when nobody is. */
export const sessionQuery = queryOptions({
  queryKey: SESSION,
  queryFn: async () => {
    try {
      return await answer(api.session.$get());
    } catch (error) {
      if (failureKind(error) === 'unauthenticated') return null;
      throw error;
    }
  },
  retry: false,
});

/** Asked again often while the server is away, to notice its return. */
export function useSession() {
  return useQuery({
    ...sessionQuery,
    refetchInterval: ({ state }) => (isReachable() && state.data !== undefined ? 60_000 : 1_500),
    refetchIntervalInBackground: false,
    // What failed before the page was there is reported at once.
    retryOnMount: false,
  });
}

export function useIsAdmin(): boolean {
  return useSession().data?.role === 'admin';
}
