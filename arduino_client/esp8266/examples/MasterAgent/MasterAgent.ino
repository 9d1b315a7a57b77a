// A master and an agent that talk to each other. Flash one board with MASTER
// true and one with MASTER false, each with its own UUID and key, and pair them
// on the server. They may be flashed before they are paired.
#include <ESP8266WiFi.h>
#include <SMServer.h>

constexpr bool MASTER = true;
constexpr char HOST[] = "192.168.1.10:3000";
constexpr char MASTER_UUID[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
constexpr char AGENT_UUID[] = "6ba7b811-9dad-41d1-80b4-00c04fd430c8";
constexpr char KEY[] = "key of this device";

SMServer server(HOST, MASTER ? MASTER_UUID : AGENT_UUID, KEY);

void onMessage(const SMMessage& message) {
  Serial.print(message.topic);
  Serial.print(": ");
  Serial.println(message.payload);
  // Publishing in here is safe.
  if (!MASTER) {
    server.send(server.linkTopic().c_str(), "{\"answer\":\"yes\"}");
  }
}

void setup() {
  Serial.begin(115200);
  WiFi.mode(WIFI_STA);
  WiFi.begin();
  server.onMessage(onMessage);
  // An agent's own link topic is shared with its master. A master listens to
  // the one of each agent.
  if (MASTER) server.addLink(AGENT_UUID);
  if (!server.begin()) Serial.println(toString(server.lastError().code));
}

void loop() {
  server.loop();
  static uint32_t last = 0;
  if (MASTER && server.isConnected() && millis() - last >= 5000) {
    last = millis();
    server.send(server.linkTopic(AGENT_UUID).c_str(), "{\"question\":1}");
  }
}
