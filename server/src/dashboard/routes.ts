import { type Context, Hono } from 'hono';
import { serveStatic } from 'hono/bun';
import { every } from 'hono/combine';
import { etag } from 'hono/etag';
import { dataHeaders, pageHeaders } from '../http/browser-headers.ts';
import type { AppEnv } from '../http/device-answer.ts';

export interface DashboardDeps {
  /** Where `server/dashboard/build.ts` put the dashboard. */
  readonly folder: string;
}

/** What is not the dashboard's, whoever asks for it. */
const OTHERS = /^\/(api|assets|auth|docs|health|llms\.txt|metrics|mqtt|problems)(\/|$)/;

/**
 * The operators' web application: its files, and its one page for every path that a browser navigates to. Needs neither
 * database nor broker, so that it can say what is wrong with them.
 */
export function dashboardRoutes({ folder }: DashboardDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  // The name of an asset holds a hash of its content.
  app.use(
    '/assets/*',
    dataHeaders,
    serveStatic({
      root: folder,
      precompressed: true,
      onFound: (_, c) => c.header('Cache-Control', 'public, max-age=31536000, immutable'),
    }),
  );

  const page = every(
    pageHeaders,
    etag(),
    serveStatic({
      root: folder,
      path: 'index.html',
      precompressed: true,
      onFound: (_, c) => c.header('Cache-Control', 'no-cache'),
    }),
    async (c: Context) =>
      c.text('The dashboard has not been built: run "bun run build" and reload this page.\n', 503),
  );
  app.use((c, next) => (isNavigation(c) ? page(c, next) : next()));
  return app;
}

/** Whether a person opens a page. Devices and scripts do not ask for HTML. */
function isNavigation(c: Context): boolean {
  const reads = c.req.method === 'GET' || c.req.method === 'HEAD';
  if (!reads || OTHERS.test(c.req.path)) return false;
  if (c.req.header('accept')?.includes('text/html')) return true;
  return c.req.path === '/' && c.req.header('authorization') === undefined;
}
