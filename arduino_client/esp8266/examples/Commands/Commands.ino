// Takes commands of the server: LED with {"on":true}, and REBOOT. Send one from
// the dashboard.
#include <SMServer.h>

constexpr char WIFI_NAME[] = "name of the Wi-Fi network";
constexpr char WIFI_PASSWORD[] = "its password";
constexpr char HOST[] = "192.168.1.10:3000";
constexpr char UUID[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
constexpr char KEY[] = "device key";

// The blue LED of most boards; on the ESP8266 it is on when low.
constexpr uint8_t LED = 2;
#ifdef ESP8266
constexpr uint8_t LED_ON = LOW, LED_OFF = HIGH;
#else
constexpr uint8_t LED_ON = HIGH, LED_OFF = LOW;
#endif

// Tells the server which commands there are, and with which arguments.
const SMCommandInfo COMMANDS[] = {
    {"LED", "{\"on\":\"bool\"}"},
    {"REBOOT", nullptr},
};

SMServer server(HOST, UUID, KEY);
bool restartAsked = false;
uint32_t restartAskedMs = 0;

// Called once for each command id, however often the server sends it. What it
// returns becomes the reply, and is what a repetition is answered with, also
// after a restart.
SMResult onCommand(const char* name, JsonVariantConst arguments) {
  if (strcmp(name, "LED") == 0) {
    const bool on = arguments["on"] | false;
    digitalWrite(LED, on ? LED_ON : LED_OFF);
    JsonDocument result;
    result["on"] = on;
    return SMResult::ok(result);
  }
  if (strcmp(name, "REBOOT") == 0) {
    // Not here: the reply would not go out.
    restartAsked = true;
    restartAskedMs = millis();
    return SMResult::ok();
  }
  return SMResult::error("unknown command");
}

void setup() {
  Serial.begin(115200);
  pinMode(LED, OUTPUT);
  WiFi.mode(WIFI_STA);
  WiFi.begin(WIFI_NAME, WIFI_PASSWORD);
  server.describe(COMMANDS);
  server.onCommand(onCommand);
  if (!server.begin()) Serial.println(advice(server.lastError().code));
}

void loop() {
  server.loop();
  if (restartAsked && millis() - restartAskedMs >= 1000) {
    server.end();
    ESP.restart();
  }
}
