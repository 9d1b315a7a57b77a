import { expect, test } from 'bun:test';
import { manualClock } from '../../test/clocks.ts';
import { healthRoutes } from './routes.ts';

test('readiness is asked once a second, and ten times a second while something is wrong, however many ask', async () => {
  const clock = manualClock();
  let state = 'ok';
  let asked = 0;
  const check = async () => {
    asked++;
    return state;
  };
  const app = healthRoutes({ clock, checks: { database: check } });
  const statuses = async (count: number) =>
    (await Promise.all(Array.from({ length: count }, () => app.request('/health/ready')))).map(
      ({ status }) => status,
    );
  expect(await statuses(50)).toEqual(Array(50).fill(200));
  state = 'not reachable';
  clock.advance(999);
  expect(await statuses(1)).toEqual([200]);
  expect(asked).toBe(1);
  clock.advance(1);
  expect(await statuses(2)).toEqual([503, 503]);
  expect(asked).toBe(2);
  state = 'ok';
  clock.advance(99);
  expect(await statuses(2)).toEqual([503, 503]);
  clock.advance(1);
  expect(await statuses(2)).toEqual([200, 200]);
  expect(asked).toBe(3);
});
