// Sends a reading every ten seconds, and says on the serial port (115200 baud)
// what it does and what to do about an error. Change the five constants.
#include <SMServer.h>

constexpr char WIFI_NAME[] = "name of the Wi-Fi network";
constexpr char WIFI_PASSWORD[] = "its password";
constexpr char HOST[] = "192.168.1.10:3000";
constexpr char UUID[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
constexpr char KEY[] = "device key, from: npx -y bun run device-key <uuid>";

SMServer server(HOST, UUID, KEY);

void onState(SMState state, SMErrorInfo error) {
  Serial.println(toString(state));
  if (error.code == SMError::None) return;
  Serial.print("  ");
  Serial.print(toString(error.code));
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
  if (millis() - last >= 10000) {
    last = millis();
    server.publishData("light", analogRead(A0));
  }
}
