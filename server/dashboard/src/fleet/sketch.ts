export type Board = 'esp8266' | 'esp32';

export const boards: Readonly<Record<Board, { readonly name: string; readonly wifi: string }>> = {
  esp8266: { name: 'ESP8266', wifi: 'ESP8266WiFi.h' },
  esp32: { name: 'ESP32', wifi: 'WiFi.h' },
};

const LOOPBACK = /^constexpr char HOST\[\] = "https?:\/\/(localhost|127(\.\d+){3}|\[::1\])(:\d+)?"/m;

/** Whether the header names the server by an address that only the server's own machine reaches. */
export function isOutOfReach(header: string): boolean {
  return LOOPBACK.test(header);
}

interface SketchOptions {
  readonly board: Board;
  /** The constants HOST, UUID and KEY, as the server wrote them. */
  readonly header: string;
}

/** A complete sketch: two Wi-Fi constants to fill in, then upload. */
export function sketch({ board, header }: SketchOptions): string {
  const { wifi } = boards[board];
  const identity = header.split('\n').filter((line) => line.startsWith('constexpr'));
  const encrypted = identity.some((line) => line.includes('"https://'));
  return [
    `#include <${wifi}>`,
    '#include <SMServer.h>',
    ...(encrypted ? ['#include <SMServerTls.h>'] : []),
    '',
    'constexpr char WIFI_NAME[] = "your network";',
    'constexpr char WIFI_PASSWORD[] = "its password";',
    '',
    ...(isOutOfReach(header)
      ? ['// Change HOST to the address of the server in your network: devices cannot reach this one.']
      : []),
    '// The key opens this one device. Keep it out of version control.',
    ...identity,
    '',
    ...(encrypted ? TLS : ['SMServer server(HOST, UUID, KEY);']),
    '',
    '// Says on the serial port what the device does, and what to do about an error.',
    'void onState(SMState state, SMErrorInfo error) {',
    '  Serial.println(toString(state));',
    '  if (error.code != SMError::None) Serial.println(advice(error.code));',
    '}',
    '',
    'void setup() {',
    '  Serial.begin(115200);',
    '  WiFi.mode(WIFI_STA);',
    '  WiFi.begin(WIFI_NAME, WIFI_PASSWORD);',
    '  server.onState(onState);',
    '  if (!server.begin()) Serial.println(advice(server.lastError().code));',
    '}',
    '',
    'void loop() {',
    '  server.loop();',
    '  static uint32_t last = 0;',
    '  if (millis() - last >= 10000) {',
    '    last = millis();',
    // Every variant of the ESP32 has this name for a pin with an ADC; a number is right for some of them.
    '    server.publishData("light", analogRead(A0));',
    '  }',
    '}',
    '',
  ].join('\n');
}

const TLS = [
  '// The certificate of the authority that signed the server’s: paste yours.',
  'const char AUTHORITY[] PROGMEM = R"PEM(',
  '-----BEGIN CERTIFICATE-----',
  '-----END CERTIFICATE-----',
  ')PEM";',
  'SMServerTls tls = SMServerTls::authority(AUTHORITY);',
  '',
  'SMServerOptions withTls() {',
  '  SMServerOptions options;',
  '  options.tls = &tls;',
  '  return options;',
  '}',
  'SMServer server(HOST, UUID, KEY, withTls());',
];
