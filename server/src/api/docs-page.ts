import { fileURLToPath } from 'node:url';
import { Hono } from 'hono';
import { compress } from 'hono/compress';
import { html } from 'hono/html';
import { pageHeaders } from '../http/browser-headers.ts';
import type { AppEnv } from '../http/device-answer.ts';

const FILES = {
  'swagger-ui.css': { url: import.meta.resolve('swagger-ui-dist/swagger-ui.css'), type: 'text/css' },
  'swagger-ui-bundle.js': {
    url: import.meta.resolve('swagger-ui-dist/swagger-ui-bundle.js'),
    type: 'text/javascript',
  },
} as const;

/** A file, not an inline script, which the content security policy would refuse. */
const START = `SwaggerUIBundle({
  url: '/api/v1/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  validatorUrl: null,
});
`;

/** `/docs`: the OpenAPI document as an interactive page (Swagger UI), all of it from this server. */
export function docsPage(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.use('/docs/*', pageHeaders);
  app.get('/docs', (c) => c.html(page));
  app.get('/docs/start.js', (c) => c.body(START, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }));
  for (const [name, file] of Object.entries(FILES)) {
    const path = fileURLToPath(file.url);
    app.get(`/docs/${name}`, compress(), (c) =>
      c.body(Bun.file(path).stream(), 200, {
        'Content-Type': `${file.type}; charset=utf-8`,
        'Cache-Control': 'public, max-age=3600',
      }),
    );
  }
  return app;
}

const page = html`<!doctype html>
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>Simple IoT Server: API</title>
      <link rel="stylesheet" href="/docs/swagger-ui.css" />
      <link rel="icon" href="data:," />
    </head>
    <body>
      <div id="docs"></div>
      <script src="/docs/swagger-ui-bundle.js"></script>
      <script src="/docs/start.js"></script>
    </body>
  </html>`;
