import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { buildDashboard } from '../../dashboard/build.ts';
import { type Stack, type StackOptions, startStack } from '../harness.ts';
import { ADMIN, ADMIN_ENV } from '../operators.ts';
import { launchBrowser } from './chromium.ts';

/** Where the screenshots of a run go; git ignores it. */
const SCREENSHOTS = fileURLToPath(new URL('../../../.cache/screenshots', import.meta.url));

/** How long a test of pages may take where many others share the machine. */
export const PAGES_LIMIT_MS = 600_000;
const WAIT_LIMIT_MS = 60_000;

/** The product with its dashboard, and a browser. */
export interface DashboardStack {
  readonly stack: Stack;
  readonly browser: Browser;
  /** A page of a browser of its own, with nobody signed in. What the page complains about is collected. */
  open(path?: string, options?: BrowserContextOptions): Promise<OpenPage>;
  /** The same, with the administrator signed in. */
  openSignedIn(path?: string, options?: BrowserContextOptions): Promise<OpenPage>;
  close(): Promise<void>;
}

export interface OpenPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of scripts, violations of the content security policy, and hosts other than the server's. */
  readonly complaints: string[];
}

export async function startDashboard(options: StackOptions = {}): Promise<DashboardStack> {
  const [stack, browser] = await Promise.all([
    startStack({ ...options, env: { ...ADMIN_ENV, ...options.env } }),
    launchBrowser(),
    buildDashboard(),
  ]);

  const dashboard: DashboardStack = {
    stack,
    browser,
    async open(path = '/', contextOptions = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...contextOptions });
      context.setDefaultTimeout(WAIT_LIMIT_MS);
      const page = await context.newPage();
      const complaints: string[] = [];
      const { host } = new URL(stack.url);
      page.on('request', (request) => {
        const url = new URL(request.url());
        if (url.protocol !== 'data:' && url.host !== host) complaints.push(`request to ${url.host}`);
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => {
        // A refused or failed request is logged by the browser itself; tests look at those on the page.
        if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
          complaints.push(message.text());
        }
      });
      await page.goto(`${stack.url}${path}`);
      return { page, context, complaints };
    },
    async openSignedIn(path = '/', contextOptions = {}) {
      const opened = await dashboard.open(path, contextOptions);
      await signIn(opened.page);
      return opened;
    },
    async close() {
      await browser.close();
      await stack.close();
    },
  };
  return dashboard;
}

export async function signIn(
  page: Page,
  account: { readonly username: string; readonly password: string } = ADMIN,
): Promise<void> {
  await page.getByLabel('User name').fill(account.username);
  await page.getByLabel('Password').fill(account.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#main').waitFor();
}

/** Keeps a picture of the page in `.cache/screenshots`, for people to look at. */
export async function screenshot(page: Page, name: string, fullPage = true): Promise<void> {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage, animations: 'disabled' });
}
