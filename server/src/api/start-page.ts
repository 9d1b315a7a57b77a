import { Hono } from 'hono';
import { html } from 'hono/html';
import { pageHeaders } from '../http/browser-headers.ts';
import type { AppEnv } from '../http/device-answer.ts';

/** `/`: where to go from here. */
export function startPage(): Hono<AppEnv> {
  return new Hono<AppEnv>().get('/', pageHeaders, (c) => c.html(page));
}

const page = html`<!doctype html>
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width" />
      <title>Simple IoT Server</title>
      <link rel="icon" href="data:," />
    </head>
    <body>
      <h1>Simple IoT Server</h1>
      <ul>
        <li><a href="/docs">API documentation</a></li>
        <li><a href="/health/ready">State of the server</a></li>
        <li><a href="/problems">Kinds of failure</a></li>
      </ul>
    </body>
  </html>`;
