import './styles/main.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createQueryClient, sessionQuery } from './api/queries.ts';
import { App } from './app.tsx';
import { preloadPage } from './routes.tsx';

// Not at the top level: there, waiting would have the bundler cut this file into two dozen.
async function start(): Promise<void> {
  const client = createQueryClient();
  // A failure is reported by the application, which finds it in the cache.
  const session = client.fetchQuery(sessionQuery).catch(() => undefined);
  const page = preloadPage(location.pathname);
  if (await session) await page;

  const root = document.getElementById('app');
  if (!root) return;
  createRoot(root).render(
    <StrictMode>
      <App client={client} />
    </StrictMode>,
  );
}

void start();

// Between the pointer's arrival at a link and the click there is time for the page's file.
for (const event of ['pointerover', 'focusin']) {
  document.addEventListener(event, ({ target }) => {
    const link = target instanceof Element ? target.closest('a') : null;
    if (link?.origin === location.origin) void preloadPage(link.pathname);
  });
}
