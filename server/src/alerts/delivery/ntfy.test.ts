import { expect, test } from 'bun:test';
import type { Alert } from '../../../contract/api/alerts.ts';
import { notificationOf } from './notification.ts';
import { ntfyRequest } from './ntfy.ts';

function alert(id: number): Alert {
  return {
    id,
    change: 1,
    rule: { id: null, name: 'zu heiß', kind: 'threshold' },
    device: { id: '6b1f7c1e-0c64-4a3c-9a53-9a2c6b2f1d10', name: '' },
    state: 'firing',
    message: 'temperature is 31, above 30.',
    value: 31,
    firedAt: '2026-11-26T02:00:00.000Z',
    resolvedAt: null,
    resolution: null,
    acknowledgedAt: null,
    acknowledgedBy: null,
    silencedUntil: null,
  };
}

test('a message that ntfy would make an attachment of is cut between characters', () => {
  const alerts = Array.from({ length: 100 }, (_, at) => alert(at + 1));
  const notification = notificationOf(alerts, { firing: 100, resolved: 0 }, 0);
  for (let shift = 0; shift < 4; shift++) {
    const first = alerts[0];
    if (first) alerts[0] = { ...first, message: `${first.message}${'ß'.repeat(shift)}x` };
    const { message } = JSON.parse(
      ntfyRequest('https://ntfy.example/t', { ...notification, data: { ...notification.data, alerts } }, null)
        .body,
    );
    expect(Buffer.byteLength(message)).toBeLessThan(4_096);
    expect(message).toEndWith('…');
    expect(message).not.toContain('\ufffd');
  }
});

test('without a token there is no authorization', () => {
  const notification = notificationOf([alert(1)], { firing: 1, resolved: 0 }, 0);
  const request = ntfyRequest('https://ntfy.example/t', notification, null);
  expect(request.url).toBe('https://ntfy.example/');
  expect(Object.keys(request.headers)).toEqual(['content-type']);
});
