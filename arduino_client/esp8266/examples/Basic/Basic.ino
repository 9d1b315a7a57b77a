// Sends a reading every ten seconds, and prints what happens.
//
// Wi-Fi: the chip remembers the network it was last told. A new chip listens
// for the phone app "EspTouch", which tells it; or call WiFi.begin("name",
// "password") here, once.
#include <ESP8266WiFi.h>
#include <SMServer.h>

constexpr char HOST[] = "192.168.1.10:3000";
constexpr char UUID[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
constexpr char KEY[] = "device key, from: npx -y bun run device-key <uuid>";

SMServer server(HOST, UUID, KEY);

void setup() {
  Serial.begin(115200);
  WiFi.mode(WIFI_STA);
  if (WiFi.SSID().isEmpty()) {
    WiFi.beginSmartConfig();
  } else {
    WiFi.begin();
  }
  if (!server.begin()) {
    Serial.println(toString(server.lastError().code));
  }
}

void loop() {
  server.loop();

  static SMState shown = SMState::Stopped;
  if (server.state() != shown) {
    shown = server.state();
    Serial.println(toString(shown));
  }

  static uint32_t last = 0;
  if (millis() - last >= 10000) {
    last = millis();
    JsonDocument reading;
    reading["light"] = analogRead(A0);
    const SMError error = server.publishData(reading);
    if (error != SMError::None) Serial.println(toString(error));
  }

  // Messages on the link topic, one at a time.
  if (auto message = server.message()) {
    Serial.println(message->payload.c_str());
  }
}
