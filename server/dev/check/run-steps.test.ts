import { describe, expect, test } from 'bun:test';
import type { Need } from './needs.ts';
import { failed, passed, skipped } from './outcome.ts';
import { runSteps } from './run-steps.ts';
import type { Step, StepContext } from './steps.ts';

const context: StepContext = {
  root: '/',
  exec: () => Promise.reject(new Error('not used')),
  databaseUrl: () => Promise.resolve('postgres://127.0.0.1:5432/postgres'),
};

const absent: Need = {
  name: 'Chromium',
  debianPackages: ['chromium'],
  why: 'opens the pages',
  isPresent: () => false,
};
const replaceable: Need = { ...absent, name: 'curl', otherwise: 'the printed lines are not run' };

function step(name: string, run: Step['run'], needs: Need[] = []): Step {
  return { name, needs, run };
}

async function run(steps: Step[], { strict = false } = {}) {
  let text = '';
  let nowMs = 0;
  const outcomes = await runSteps(steps, context, {
    strict,
    write: (piece) => {
      text += piece;
    },
    nowMs: () => {
      nowMs += 1500;
      return nowMs;
    },
  });
  return { outcomes, text };
}

test('a failing step shows its whole output and does not hide the next', async () => {
  const { outcomes, text } = await run([
    step('lint', async () => failed('line one\nline two\n')),
    step('types', async () => passed()),
  ]);
  expect(outcomes.map((outcome) => outcome.failed)).toEqual([1, 0]);
  expect(text).toContain('line one\nline two');
  expect(text).toMatch(/lint +FAILED +1\.5 s/);
  expect(text).toMatch(/types +ok +1\.5 s +1 passed/);
});

test('a passing step keeps its output to itself', async () => {
  const { text } = await run([step('unit', async () => ({ ...passed(7), output: 'noise' }))]);
  expect(text).not.toContain('noise');
});

test('a step that throws has failed with its reason', async () => {
  const { outcomes, text } = await run([step('unit', () => Promise.reject(new Error('no disk')))]);
  expect(outcomes[0]?.failed).toBe(1);
  expect(text).toContain('no disk');
});

describe('a missing program', () => {
  const never = () => Promise.reject(new Error('must not run'));

  test('skips its step and says what to install', async () => {
    const { outcomes, text } = await run([step('browser', never, [absent])]);
    expect(outcomes).toMatchObject([{ passed: 0, failed: 0, skipped: 1 }]);
    expect(text).toMatch(/browser +skipped/);
    expect(text).toContain('Chromium is missing: apt-get install chromium');
  });

  test('fails its step under CI', async () => {
    const { outcomes } = await run([step('browser', never, [absent])], { strict: true });
    expect(outcomes).toMatchObject([{ passed: 0, failed: 1, skipped: 0 }]);
  });

  test('is only mentioned where the step can do without, but counts as a failure under CI', async () => {
    const steps = [step('unit', async () => passed(3), [replaceable])];
    const local = await run(steps);
    expect(local.outcomes).toMatchObject([{ passed: 3, failed: 0 }]);
    expect(local.text).toContain('curl is missing, the printed lines are not run');
    expect((await run(steps, { strict: true })).outcomes).toMatchObject([{ passed: 3, failed: 1 }]);
  });
});

test('a skipped test fails the step under CI and nowhere else', async () => {
  const steps = [step('unit', async () => ({ ...skipped('(skip) a'), passed: 3 }))];
  expect((await run(steps)).outcomes).toMatchObject([{ passed: 3, failed: 0, skipped: 1 }]);
  expect((await run(steps, { strict: true })).outcomes).toMatchObject([{ passed: 3, failed: 1, skipped: 0 }]);
});

test('a step in the background runs beside the others, and is reported in its place', async () => {
  const events: string[] = [];
  const both = Promise.withResolvers<void>();
  const background: Step = {
    ...step('firmware', async () => {
      events.push('background begins');
      await both.promise;
      return passed();
    }),
    inBackground: true,
  };
  const foreground = step('unit', async () => {
    events.push('foreground begins');
    both.resolve();
    return passed();
  });
  const { text } = await run([foreground, background]);
  expect(events).toEqual(['background begins', 'foreground begins']);
  expect(text.indexOf('unit')).toBeLessThan(text.indexOf('firmware'));
});
