// HTTPS and MQTT over TLS, with the authority that signed both certificates.
// Nothing is sent to a server that fails the check.
#include <SMServer.h>
#include <SMServerTls.h>

constexpr char WIFI_NAME[] = "name of the Wi-Fi network";
constexpr char WIFI_PASSWORD[] = "its password";
constexpr char HOST[] = "https://iot.example.net";
constexpr char UUID[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
constexpr char KEY[] = "device key";

// The certificate of the authority: paste yours. begin() fails with
// BadCertificate until then.
const char AUTHORITY[] PROGMEM = R"PEM(
-----BEGIN CERTIFICATE-----
-----END CERTIFICATE-----
)PEM";

SMServerTls tls = SMServerTls::authority(AUTHORITY);
// Or: SMServerTls::fingerprint("…") for one certificate, which must be changed
// whenever the certificate is.
// Or, on a bench only: SMServerTls::insecure().

SMServerOptions withTls() {
  SMServerOptions options;
  options.tls = &tls;
  // Where the server offers HTTPS but no TLS for MQTT, for instance on Railway.
  // The token and all messages can then be read on the way.
  // options.plainMqtt = true;
#ifdef ESP8266
  // A TLS connection takes 14 to 30 KB of heap: save elsewhere.
  options.packetBytes = 768;
#endif
  return options;
}

SMServer server(HOST, UUID, KEY, withTls());

void onState(SMState state, SMErrorInfo error) {
  Serial.println(toString(state));
  if (error.code == SMError::None) return;
  Serial.print("  ");
  Serial.print(toString(error.code));
  Serial.print(' ');
  Serial.print(error.detail);
  Serial.print(": ");
  Serial.println(advice(error.code));
}

void setup() {
  Serial.begin(115200);
  WiFi.mode(WIFI_STA);
  WiFi.begin(WIFI_NAME, WIFI_PASSWORD);
  server.onState(onState);
  if (!server.begin()) Serial.println(advice(server.lastError().code));
}

void loop() {
  server.loop();
  static uint32_t last = 0;
  if (millis() - last >= 60000) {
    last = millis();
    server.publishStatus();
  }
}
