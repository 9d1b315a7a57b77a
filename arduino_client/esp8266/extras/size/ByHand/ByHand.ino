// What the Basic example's library is measured against: the same calls into
// HTTPClient, ArduinoJson and PubSubClient, made by hand, without retries,
// storage or checks. With BY_HAND_COMMANDS it answers commands as well.
#include <Arduino.h>
#include <ArduinoJson.h>
#include <ESP8266HTTPClient.h>
#include <ESP8266WiFi.h>
#include <PubSubClient.h>

constexpr char WIFI_NAME[] = "name of the Wi-Fi network";
constexpr char WIFI_PASSWORD[] = "its password";
constexpr char SERVER[] = "http://192.168.1.10:3000";
constexpr char UUID[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
constexpr char KEY[] = "device key";

WiFiClient http_socket;
WiFiClient mqtt_socket;
PubSubClient mqtt(mqtt_socket);
String token, user, broker;

bool ask(const String& path, const String& bearer, JsonDocument& answer) {
  HTTPClient http;
  if (!http.begin(http_socket, String(SERVER) + path)) return false;
  http.addHeader("Authorization", "Bearer " + bearer);
  const bool good =
      http.GET() == 200 && !deserializeJson(answer, http.getString().c_str());
  http.end();
  return good;
}

bool publish(const char* leaf, const JsonDocument& document) {
  char text[256];
  serializeJson(document, text, sizeof text);
  return mqtt.publish((String("device/") + UUID + leaf).c_str(), text);
}

void received(char* topic, uint8_t* payload, unsigned int length) {
  JsonDocument message;
  if (deserializeJson(message, payload, length)) return;
#ifdef BY_HAND_COMMANDS
  if (strstr(topic, "/command") != nullptr) {
    const bool on = message["a"]["on"] | false;
    digitalWrite(2, on ? LOW : HIGH);
    JsonDocument reply;
    reply["i"] = message["i"];
    reply["c"] = "OK";
    reply["r"]["on"] = on;
    publish("/reply", reply);
    return;
  }
#endif
  if (strstr(topic, "/ping") == nullptr) return;
  if (message["c"] != "PING") return;
  JsonDocument pong;
  pong["c"] = "PONG";
  publish("/ping", pong);
}

bool connect() {
  JsonDocument answer;
  if (token.isEmpty()) {
    if (!ask(String("/auth/devices/request?uuid=") + UUID, KEY, answer)) {
      return false;
    }
    token = answer["t"].as<const char*>();
    user = answer["u"].as<const char*>();
  }
  if (!ask("/mqtt", token, answer)) return false;
  broker = answer["ip"].as<const char*>();
  const int colon = broker.indexOf(':');
  const uint16_t port =
      static_cast<uint16_t>(broker.substring(colon + 1).toInt());
  broker.remove(static_cast<unsigned int>(colon));
  mqtt.setServer(broker.c_str(), port);
  if (!mqtt.connect(UUID, user.c_str(), token.c_str())) return false;
  mqtt.subscribe((String("device/") + UUID + "/ping").c_str(), 1);
  mqtt.subscribe((String("device/") + UUID + "/command").c_str(), 1);
  return true;
}

void setup() {
  Serial.begin(115200);
  WiFi.mode(WIFI_STA);
  WiFi.begin(WIFI_NAME, WIFI_PASSWORD);
  mqtt.setBufferSize(1024);
  mqtt.setCallback(received);
}

void loop() {
  static uint32_t last = 0;
  if (WiFi.status() != WL_CONNECTED) return;
  if (!mqtt.connected() && !connect()) {
    Serial.println("no connection");
    delay(5000);
    return;
  }
  mqtt.loop();
  if (millis() - last >= 10000) {
    last = millis();
    JsonDocument record;
    record["light"] = analogRead(A0);
    publish("/data", record);
  }
}
