import { expect, test } from 'bun:test';
import { hoconValues } from './hocon-values.ts';

test('values are found by their path, whatever stands around them', () => {
  const text = `authentication = [
  { mechanism = password_based, backend = built_in_database, words = ["]", "}"] }
]
zones {
  default { }
  server {
    force_shutdown { max_heap_size = "2GB", max_mailbox_size = 200000 }
    mqtt {
      max_inflight = 1024
      upgrade_qos = true
      session_expiry_interval = "24h"
    }
  }
}
listeners { tcp { default { bind = "0.0.0.0:1883", access_rules = ["allow all"], enable = false } } }
`;
  expect(Object.fromEntries(hoconValues(text))).toEqual({
    'zones.server.force_shutdown.max_heap_size': '2GB',
    'zones.server.force_shutdown.max_mailbox_size': '200000',
    'zones.server.mqtt.max_inflight': '1024',
    'zones.server.mqtt.upgrade_qos': 'true',
    'zones.server.mqtt.session_expiry_interval': '24h',
    'listeners.tcp.default.bind': '0.0.0.0:1883',
    'listeners.tcp.default.enable': 'false',
  });
});

test.each(['', '}}}', 'a {', 'a = [', '"x', 'null'])(
  'text that is no configuration, %j, has no values',
  (text) => {
    expect(hoconValues(text).size).toBe(0);
  },
);
