// HTTPS and MQTT over TLS, with the authority that signed both certificates.
// Nothing is sent to a server that fails the check.
#include <ESP8266WiFi.h>
#include <SMServer.h>
#include <SMServerTls.h>

constexpr char HOST[] = "https://iot.example.net";
constexpr char UUID[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
constexpr char KEY[] = "device key";

// The certificate of the authority: paste yours.
const char AUTHORITY[] PROGMEM = R"PEM(
-----BEGIN CERTIFICATE-----
-----END CERTIFICATE-----
)PEM";

SMServerTls tls = SMServerTls::authority(AUTHORITY);
// Or: SMServerTls::fingerprint("40 hexadecimal digits") for one certificate,
// which must be changed whenever the certificate is.
// Or, on a bench only: SMServerTls::insecure().

SMServerOptions withTls() {
  SMServerOptions options;
  options.tls = &tls;
  // Every byte counts: a TLS connection takes 14 to 30 KB of heap.
  options.packetBytes = 768;
  return options;
}

SMServer server(HOST, UUID, KEY, withTls());

void setup() {
  Serial.begin(115200);
  WiFi.mode(WIFI_STA);
  WiFi.begin();
  if (!server.begin()) Serial.println(toString(server.lastError().code));
}

void loop() {
  server.loop();
  static SMState shown = SMState::Stopped;
  if (server.state() != shown) {
    shown = server.state();
    Serial.println(toString(shown));
    Serial.println(toString(server.lastError().code));
  }
}
