// Takes commands of the server: LED with {"on":true}, and REBOOT.
#include <ESP8266WiFi.h>
#include <SMServer.h>

constexpr char HOST[] = "192.168.1.10:3000";
constexpr char UUID[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
constexpr char KEY[] = "device key";

SMServer server(HOST, UUID, KEY);
bool restartAsked = false;
uint32_t restartAskedMs = 0;

// Called once for each command id, however often the server sends it. What it
// returns becomes the reply, and is what a repetition is answered with, also
// after a restart.
SMResult onCommand(const char* name, JsonVariantConst arguments) {
  if (strcmp(name, "LED") == 0) {
    const bool on = arguments["on"] | false;
    digitalWrite(LED_BUILTIN, on ? LOW : HIGH);  // the LED is on when low
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
  return SMResult::error("no such command");
}

void setup() {
  Serial.begin(115200);
  pinMode(LED_BUILTIN, OUTPUT);
  WiFi.mode(WIFI_STA);
  WiFi.begin();
  server.onCommand(onCommand);
  if (!server.begin()) Serial.println(toString(server.lastError().code));
}

void loop() {
  server.loop();
  if (restartAsked && server.waiting() == 0 &&
      millis() - restartAskedMs >= 1000) {
    server.end();
    ESP.restart();
  }
}
