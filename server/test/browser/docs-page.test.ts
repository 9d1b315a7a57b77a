import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Browser as Chromium } from 'playwright-core';
import { type Stack, startStack } from '../harness.ts';
import { ADMIN, ADMIN_ENV } from '../operators.ts';
import { hasBrowser, launchBrowser } from './chromium.ts';
import { PAGES_LIMIT_MS } from './dashboard.ts';

describe.skipIf(!hasBrowser)('/docs in a browser', () => {
  let stack: Stack;
  let browser: Chromium;

  beforeAll(async () => {
    stack = await startStack({ broker: false, env: ADMIN_ENV });
    browser = await launchBrowser();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await stack?.close();
  });

  test(
    'shows every operation, asks no other host for anything, and breaks no policy',
    async () => {
      const page = await browser.newPage();
      const hosts = new Set<string>();
      const complaints: string[] = [];
      page.on('request', (request) => hosts.add(new URL(request.url()).host));
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(`${stack.url}/docs`);
      await page.waitForSelector('.opblock');

      const document = await (await fetch(`${stack.url}/api/v1/openapi.json`)).text();
      const operations = document.match(/"operationId":/g)?.length ?? 0;
      expect(await page.locator('.opblock').count()).toBe(operations);
      expect([...hosts]).toEqual([new URL(stack.url).host]);
      expect(complaints).toEqual([]);
      await page.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'tries the API out, by cookie',
    async () => {
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      await page.goto(`${stack.url}/docs`);
      await page.locator('#operations-Session-logIn button.opblock-summary-control').click();
      await page.locator('#operations-Session-logIn .try-out__btn').click();
      await page.locator('#operations-Session-logIn textarea.body-param__text').fill(JSON.stringify(ADMIN));
      const [answer] = await Promise.all([
        page.waitForResponse((response) => response.url().endsWith('/api/v1/session')),
        page.locator('#operations-Session-logIn button.execute').click(),
      ]);
      expect(answer.status()).toBe(201);
      expect(await page.evaluate("fetch('/api/v1/session').then((me) => me.status)")).toBe(200);
      expect(await page.evaluate('document.cookie')).toBe('');
      expect(complaints).toEqual([]);
      await page.close();
    },
    PAGES_LIMIT_MS,
  );
});
