import { describe, expect, test } from 'bun:test';
import { isOutOfReach, sketch } from './sketch.ts';

const header = (host: string) =>
  `#pragma once\n\nconstexpr char HOST[] = "${host}";\nconstexpr char UUID[] = "u";\nconstexpr char KEY[] = "k";\n`;

describe('a sketch', () => {
  test.each(['http://127.0.0.1:3000', 'http://localhost', 'https://localhost:8443', 'http://[::1]:3000'])(
    'says to change HOST where it is %s, which no device reaches',
    (host) => {
      expect(isOutOfReach(header(host))).toBe(true);
      expect(sketch({ board: 'esp8266', header: header(host) })).toContain('// Change HOST');
    },
  );

  test.each(['http://192.168.1.10:3000', 'https://iot.example.net', 'http://localhost.example.net:3000'])(
    'takes %s as it is',
    (host) => {
      expect(isOutOfReach(header(host))).toBe(false);
      expect(sketch({ board: 'esp32', header: header(host) })).not.toContain('Change HOST');
    },
  );

  test('says why a device does not come online, and what to do', () => {
    const text = sketch({ board: 'esp8266', header: header('http://192.168.1.10') });
    expect(text).toContain('Serial.println(advice(error.code));');
    expect(text).toContain('server.onState(onState);');
  });

  test('reads a pin that every variant of the ESP32 has', () => {
    expect(sketch({ board: 'esp32', header: header('http://192.168.1.10') })).toContain('analogRead(A0)');
  });
});
