// Measures once a minute, whether there is a network or not. What the server
// has not stored yet is kept in files of LittleFS, 64 KB of them, and goes out
// when the network is back, also after a restart: with its "ts", the time it
// was measured. Choose a partition scheme or flash size with a file system.
#include <LittleFS.h>
#include <SMFileRing.h>
#include <SMServer.h>

constexpr char WIFI_NAME[] = "name of the Wi-Fi network";
constexpr char WIFI_PASSWORD[] = "its password";
constexpr char HOST[] = "192.168.1.10:3000";
constexpr char UUID[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
constexpr char KEY[] = "device key";

SMFileRing records(LittleFS, "/records", 65536);

SMServerOptions withFile() {
  SMServerOptions options;
  options.recordFile = &records;
  options.firmware = "offline-ring 1.0";
  return options;
}

SMServer server(HOST, UUID, KEY, withFile());

// Tells the server what the fields mean.
const SMField FIELDS[] = {{"light", nullptr, "illuminance"}};

void onState(SMState state, SMErrorInfo error) {
  Serial.print(toString(state));
  Serial.print(", records waiting: ");
  Serial.println(server.waiting());
  if (error.code != SMError::None) Serial.println(advice(error.code));
}

void setup() {
  Serial.begin(115200);
#ifdef ESP32
  const bool mounted = LittleFS.begin(true);  // formats it the first time
#else
  const bool mounted = LittleFS.begin();
#endif
  if (!mounted) Serial.println("no file system: records stay in RAM");
  WiFi.mode(WIFI_STA);
  WiFi.begin(WIFI_NAME, WIFI_PASSWORD);
  server.describe(FIELDS);
  server.onState(onState);
  if (!server.begin()) Serial.println(advice(server.lastError().code));
}

void loop() {
  server.loop();
  static uint32_t last = 0;
  if (millis() - last >= 60000) {
    last = millis();
    const SMError error = server.publishData("light", analogRead(A0));
    if (error != SMError::None) Serial.println(advice(error));
  }
}
