import axe from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { z } from 'zod';
import { screenshot } from './dashboard.ts';

/** How a page is looked at. */
export const LOOKS: Readonly<Record<string, BrowserContextOptions>> = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};

/** A page and when it is there. */
export interface Shown {
  readonly name: string;
  readonly path: () => string;
  /** What shows that the page has what it shows. */
  readonly ready: (page: Page) => Promise<unknown>;
}

/** What is wrong with each of these pages by axe and by its width; keeps a picture of each. */
export async function findingsOf(
  page: Page,
  origin: string,
  pages: readonly Shown[],
  look: string,
): Promise<string[]> {
  const findings: string[] = [];
  for (const { name, path, ready } of pages) {
    await page.goto(`${origin}${path()}`);
    await ready(page);
    findings.push(...(await axeFindings(page)).map((finding) => `${name}: ${finding}`));
    if ((await overflow(page)) > 0) findings.push(`${name}: can be scrolled sideways`);
    await screenshot(page, `${look}-${name}`);
  }
  return findings;
}

const violations = z.array(
  z.object({ id: z.string(), nodes: z.array(z.object({ html: z.string(), failureSummary: z.string() })) }),
);

export const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** What axe finds against WCAG 2.2 AA and, unless told otherwise, good practice; one line each. */
export async function axeFindings(
  page: Page,
  rules: readonly string[] = [...WCAG, 'best-practice'],
): Promise<string[]> {
  // Evaluated by the debugger: the content security policy lets no script be added.
  await page.evaluate(axe.source);
  const found = await page.evaluate(`axe.run(document, {
    runOnly: ${JSON.stringify(rules)},
  }).then(({ violations }) => violations.map(({ id, nodes }) => ({
    id, nodes: nodes.map(({ html, failureSummary }) => ({ html, failureSummary: failureSummary ?? '' })),
  })))`);
  return violations
    .parse(found)
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}

/** Whether the page can be scrolled sideways. */
export async function overflow(page: Page): Promise<number> {
  return z
    .number()
    .parse(
      await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
    );
}

const MOST_STOPS = 60;

/** Presses Tab until what has the focus carries this name. */
export async function tabTo(page: Page, name: string): Promise<void> {
  for (let stop = 0; stop < MOST_STOPS; stop++) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(
      "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()",
    );
    if (focused === name) return;
  }
  throw new Error(`Tab does not lead to ${name}`);
}
