// One firmware for many devices: Wi-Fi, host and device key are entered with a
// phone, in a portal that the device opens when it has none of them or while
// its BOOT or FLASH button is pressed at start. Needs the library WiFiManager
// by tzapu (2.0.17).
//
// The UUID is made of the MAC address, so that each device has its own. The
// portal shows it: print the key with npx -y bun run device-key <uuid>.
#include <SMServer.h>
#include <WiFiManager.h>

// Of the portal's own network, 8 characters or more: whoever joins it can read
// what is entered.
constexpr char PORTAL_PASSWORD[] = "change-me";
constexpr uint8_t BUTTON = 0;

char host[SMSERVER_HOST_BYTES];
char key[SMSERVER_KEY_BYTES];
char uuid[37];
SMServer server(host, uuid, key);

void makeUuid() {
  uint8_t mac[6];
  WiFi.macAddress(mac);
  // Version 8 of RFC 9562: a UUID of one's own making.
  snprintf(uuid, sizeof uuid,
           "53494f54-0000-8000-8000-%02x%02x%02x%02x%02x%02x", mac[0], mac[1],
           mac[2], mac[3], mac[4], mac[5]);
}

void load() {
  KV settings;
  settings.begin(SMSERVER_STORE_BYTES);
  settings.get("host", host, sizeof host, "");
  settings.get("key", key, sizeof key, "");
}

void save(const char* newHost, const char* newKey) {
  KV settings;
  settings.begin(SMSERVER_STORE_BYTES);
  settings.set("host", newHost);
  settings.set("key", newKey);
  const KVError error = settings.commit();
  if (error != KVError::None) Serial.println(toString(error));
}

// Returns once Wi-Fi is joined, with what was entered in host and key.
void join() {
  char shown[64];
  snprintf(shown, sizeof shown, "<p>%s</p>", uuid);
  WiFiManagerParameter uuidText(shown);
  WiFiManagerParameter hostField("host", "Server, name:port", host,
                                 sizeof host - 1);
  WiFiManagerParameter keyField("key", "Device key", key, sizeof key - 1);
  bool entered = false;

  WiFiManager portal;
  portal.setConfigPortalTimeout(300);
  portal.setSaveParamsCallback([&entered] { entered = true; });
  portal.addParameter(&uuidText);
  portal.addParameter(&hostField);
  portal.addParameter(&keyField);

  char network[32];
  snprintf(network, sizeof network, "IoT-%s", uuid + 24);
  const bool asked =
      host[0] == '\0' || key[0] == '\0' || digitalRead(BUTTON) == LOW;
  const bool joined = asked ? portal.startConfigPortal(network, PORTAL_PASSWORD)
                            : portal.autoConnect(network, PORTAL_PASSWORD);
  if (entered) save(hostField.getValue(), keyField.getValue());
  if (!joined) ESP.restart();
  load();
}

void onState(SMState state, SMErrorInfo error) {
  Serial.println(toString(state));
  if (error.code != SMError::None) Serial.println(advice(error.code));
}

void setup() {
  Serial.begin(115200);
  pinMode(BUTTON, INPUT_PULLUP);
  WiFi.mode(WIFI_STA);
  makeUuid();
  Serial.println(uuid);
  load();
  join();
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
