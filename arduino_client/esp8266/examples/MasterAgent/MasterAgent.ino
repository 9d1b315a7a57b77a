// A master and its agents, which people pair at the devices, without the
// server's operator. Flash one board with MASTER true and others with MASTER
// false, each with its own UUID and key.
//
// An agent prints a pairing code. Whoever stands before it types its UUID and
// the code into the serial monitor of the master:
//
//   6ba7b811-9dad-41d1-80b4-00c04fd430c8 123456
//
// From then on the two talk over the agent's link topic.
#include <SMServer.h>

constexpr bool MASTER = true;
constexpr char WIFI_NAME[] = "name of the Wi-Fi network";
constexpr char WIFI_PASSWORD[] = "its password";
constexpr char HOST[] = "192.168.1.10:3000";
constexpr char UUID[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
constexpr char KEY[] = "key of this device";

SMServer server(HOST, UUID, KEY);

// The answers to pairingCode(), pair() and agents().
void onPairing(const SMPairing& answer) {
  if (answer.error.code != SMError::None) {
    Serial.println(advice(answer.error.code));
    return;
  }
  switch (answer.request) {
    case SMPairing::Request::Code:
      Serial.print("pairing code: ");
      Serial.println(answer.code);
      break;
    case SMPairing::Request::Pair:
      Serial.println("paired");
      server.addLink(answer.uuid);
      break;
    case SMPairing::Request::Unpair:
      server.removeLink(answer.uuid);
      break;
    case SMPairing::Request::Agents:
      for (size_t i = 0; i < answer.count; ++i) {
        server.addLink(answer.uuids[i]);
      }
      if (answer.more) server.agents(answer.uuids[answer.count - 1]);
      break;
  }
}

void onMessage(const SMMessage& message) {
  Serial.print(message.topic);
  Serial.print(": ");
  Serial.println(message.payload);
  // Publishing in here is safe.
  if (MASTER) server.send(message.topic, "{\"answer\":\"yes\"}");
}

// Once online: a master listens to the agents it has, an agent offers a code.
void onState(SMState state, SMErrorInfo) {
  Serial.println(toString(state));
  static bool asked = false;
  if (state != SMState::Online || asked) return;
  asked = true;
  if (MASTER) {
    server.agents();
  } else {
    server.pairingCode();
  }
}

// Collects a line of the serial monitor: UUID, blank, code.
void readSerial() {
  static char line[64];
  static size_t length = 0;
  while (Serial.available() > 0) {
    const char c = static_cast<char>(Serial.read());
    if (c != '\n') {
      if (c != '\r' && length + 1 < sizeof line) line[length++] = c;
      continue;
    }
    line[length] = '\0';
    length = 0;
    char* const blank = strchr(line, ' ');
    if (blank == nullptr) continue;
    *blank = '\0';
    const SMError error = server.pair(line, blank + 1);
    if (error != SMError::None) Serial.println(advice(error));
  }
}

void setup() {
  Serial.begin(115200);
  WiFi.mode(WIFI_STA);
  WiFi.begin(WIFI_NAME, WIFI_PASSWORD);
  server.onState(onState);
  server.onPairing(onPairing);
  server.onMessage(onMessage);
  if (!server.begin()) Serial.println(advice(server.lastError().code));
}

void loop() {
  server.loop();
  if (MASTER) readSerial();
  static uint32_t last = 0;
  if (!MASTER && server.isConnected() && millis() - last >= 5000) {
    last = millis();
    server.send(server.linkTopic().c_str(), "{\"question\":1}");
  }
}
