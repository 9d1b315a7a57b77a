import { Hono } from 'hono';
import { dataHeaders, pageHeaders } from '../http/browser-headers.ts';
import type { AppEnv } from '../http/device-answer.ts';
import { AppError } from '../platform/errors.ts';
import { docsPage } from './docs-page.ts';
import { llmsText } from './llms.ts';
import type { ApiDocument } from './openapi.ts';
import { problemIndex, problemKind, problemPage } from './problem-pages.ts';
import { startPage } from './start-page.ts';

/** What describes the API, open to anyone: the OpenAPI document, `/docs`, `/problems` and `/llms.txt`. */
export function documentationRoutes(document: () => Promise<ApiDocument>): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get('/api/v1/openapi.json', dataHeaders, async (c) => c.json(await document()));
  app.get('/llms.txt', dataHeaders, async (c) => c.text(llmsText(await document())));
  app.use('/problems/*', pageHeaders);
  app.get('/problems', (c) => c.html(problemIndex()));
  app.get('/problems/:kind', (c) => {
    const kind = problemKind(c.req.param('kind'));
    if (!kind) throw new AppError('not_found', 'Unknown kind of problem.');
    return c.html(problemPage(kind));
  });
  app.route('/', docsPage());
  app.route('/', startPage());
  return app;
}
