// Servers and brokers that break the rules, and time limits.
#include "device_rig.h"
#include "internal/frame_gate.h"

using Strings = std::vector<std::string>;

namespace {

// Runs the device for a while of its own time; no single loop() may take longer
// than `limit` milliseconds.
void runFor(DeviceRig& rig, uint32_t ms, uint32_t limit) {
  const uint32_t start = static_cast<uint32_t>(millis());
  while (static_cast<uint32_t>(millis()) - start < ms) {
    const uint32_t before = static_cast<uint32_t>(millis());
    rig.loop();
    const uint32_t took = static_cast<uint32_t>(millis()) - before - 1;
    REQUIRE_MESSAGE(took <= limit, took);
  }
}

const std::string kConnack("\x20\x02\x00\x00", 4);

}  // namespace

TEST_CASE("an HTTP server that dribbles, hangs or floods costs 5 s at most") {
  for (int kind = 0; kind < 6; ++kind) {
    DeviceRig rig;
    const std::string good = rig.server.defaultAnswer("GET /auth");
    rig.server.keepOpen = true;
    rig.server.onRequest = [&](const std::string&) -> std::string {
      switch (kind) {
        case 0:
          rig.server.drip = 1;  // one byte a millisecond, without end
          return "HTTP/1.1 200 OK\r\nX: " + std::string(100000, 'x');
        case 1:
          return "";
        case 2:
          return "HTTP/1.1 200 OK\r\n";
        case 3:
          return "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" +
                 std::string(5000, '{');
        case 4:
          return "HTTP/1.1 200 OK\r\n\r\n{\"c\":\"OK\"";
        default:
          rig.server.drip = 1;
          return "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                 "chunked\r\n\r\nFFFF\r\n" +
                 std::string(65535, 'x');
      }
    };
    REQUIRE(rig.begin());
    runFor(rig, 30000, SMSERVER_NETWORK_MS + 50);
    CHECK(!rig.device->isConnected());
    CHECK(!rig.device->isRegistered());
    CHECK(rig.device->lastError().code != SMError::None);
  }
}

TEST_CASE("chunked answers and answers without a length are read") {
  for (int kind = 0; kind < 2; ++kind) {
    DeviceRig rig;
    rig.server.onRequest = [&](const std::string& request) -> std::string {
      const std::string whole = rig.server.defaultAnswer(request);
      const std::string body = whole.substr(whole.find("\r\n\r\n") + 4);
      if (kind == 0) {
        char size[16];
        snprintf(size, sizeof size, "%zx", body.size() - 10);
        return std::string(
                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") +
               "a\r\n" + body.substr(0, 10) + "\r\n" + size + "\r\n" +
               body.substr(10) + "\r\n0\r\n\r\n";
      }
      return "HTTP/1.1 200 OK\r\n\r\n" + body;
    };
    REQUIRE(rig.begin());
    CHECK(rig.online());
  }
}

TEST_CASE("a broker that takes the connection and says nothing costs 5 s") {
  DeviceRig rig;
  rig.server.connack = -2;
  REQUIRE(rig.begin());
  runFor(rig, 20000, SMSERVER_NETWORK_MS + 50);
  CHECK(rig.device->lastError().code == SMError::BrokerClosed);
  CHECK(rig.device->counters().tokens == 1);  // it is kept
}

TEST_CASE("a connection closed before CONNACK is noticed at once") {
  DeviceRig rig;
  rig.server.connack = -1;
  REQUIRE(rig.begin());
  runFor(rig, 2000, 50);
  CHECK(rig.device->lastError().code == SMError::BrokerClosed);
  CHECK(rig.device->isRegistered());
  CHECK(rig.device->counters().refusals == 0);
}

TEST_CASE("CONNACK 4 and 5 drop the token, 3 does not") {
  for (int code : {3, 4, 5}) {
    DeviceRig rig;
    rig.server.connack = code;
    REQUIRE(rig.begin());
    REQUIRE(rig.until([&] { return !rig.server.connects.empty(); }));
    rig.loops(3);
    CHECK(rig.device->isRegistered() == (code == 3));
    CHECK(rig.device->lastError().detail == code);
    rig.server.connack = 0;
    CHECK(rig.online());
    CHECK(rig.server.connects.back() == (code == 3 ? "token-1" : "token-3"));
  }
}

TEST_CASE("what is no CONNACK is no connection") {
  for (const std::string& raw :
       {std::string("\x20\x02\x00", 3), std::string("\x20\x03\x00\x00\x00", 5),
        std::string("\x30\x02\x00\x00", 4),
        std::string("\x20\xFF\xFF\xFF\x7F", 5),
        std::string("\x20\xFF\xFF\xFF\xFF\x7F", 6), std::string("HTTP/1.1 400"),
        std::string("\xD0\x00", 2), std::string(3000, '\xFF')}) {
    DeviceRig rig;
    rig.server.instead = raw;
    REQUIRE(rig.begin());
    runFor(rig, 8000, SMSERVER_NETWORK_MS + 50);
    CHECK(!rig.device->isConnected());
    CHECK(rig.device->isRegistered());
    rig.server.instead.clear();
    CHECK(rig.online());
  }
}

TEST_CASE("packets that break MQTT end the connection, not the device") {
  const std::string topic = mqttText(DeviceRig::topic("master"));
  for (const std::string& raw : {
           // The topic is longer than the packet: PubSubClient would write
           // outside its buffer.
           mqttPacket(0x30, std::string("\xFF\xFF", 2) + "x"),
           mqttPacket(0x30, std::string("\x00\x20", 2) + "short"),
           mqttPacket(0x30, ""),
           mqttPacket(0x30, std::string("\x00", 1)),
           mqttPacket(0x30, std::string("\x00\x00", 2) + "empty topic"),
           mqttPacket(0x32, topic),         // QoS 1 without an id
           mqttPacket(0x34, topic + "id"),  // QoS 2
           mqttPacket(0x36, topic + "id"),  // QoS 3
           mqttPacket(0x30, mqttText(std::string("a\0b", 3))),
           mqttPacket(0x90, "id"),
           mqttPacket(0xD0, "x"),
           mqttPacket(0x10, "connect"),
           mqttPacket(0x00, ""),
           mqttPacket(0xF0, ""),
           mqttPacket(0xE0, ""),
           kConnack,
           std::string("\x30\xFF\xFF\xFF\xFF\x01", 6),
           mqttPacket(0x90, std::string(SMSERVER_PACKET_BYTES, 'x')),
       }) {
    DeviceRig rig;
    REQUIRE(rig.begin());
    REQUIRE(rig.online());
    rig.server.sendRaw(raw);
    CHECK(rig.until([&] { return !rig.device->isConnected(); }, 50));
    CHECK(rig.device->lastError().code == SMError::BadPacket);
    CHECK(rig.online());
  }
}

TEST_CASE("packets that come byte by byte block nothing") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  const std::string packet =
      mqttPacket(0x30, mqttText(rig.topic("master")) + std::string(300, 'z'));
  for (const char byte : packet) {
    CHECK(!rig.device->message());
    rig.server.sendRaw(std::string(1, byte));
    const uint32_t before = static_cast<uint32_t>(millis());
    rig.loops(2);
    CHECK(static_cast<uint32_t>(millis()) - before < 50);
  }
  rig.loops(2);
  const auto message = rig.device->message();
  REQUIRE(message);
  CHECK(message->payload.length() == 300);
  // And half a packet forever: keep-alive decides.
  rig.server.sendRaw(packet.substr(0, 100));
  runFor(rig, 5000, 50);
  CHECK(rig.device->isConnected());
}

TEST_CASE("random bytes from a broker never break anything") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  uint32_t state = 12345;
  const auto next = [&] {
    return (state = state * 1664525 + 1013904223) >> 16;
  };
  for (int round = 0; round < 300; ++round) {
    // Most of a round is backoff.
    REQUIRE(rig.until([&] { return rig.device->isConnected(); }, 20000, 20));
    std::string bytes;
    for (uint32_t n = next() % 200; n > 0; --n) {
      bytes.push_back(static_cast<char>(next()));
    }
    rig.server.sendRaw(
        round % 2 ? bytes : mqttPacket(static_cast<uint8_t>(next()), bytes));
    rig.loops(5);
    rig.server.closeMqtt();
    rig.loops(2);
    fake::advance(SMSERVER_STABLE_MS);
  }
}

TEST_CASE("connections refused, names unknown and slow: limits hold") {
  DeviceRig rig;
  rig.server.closeListeners();
  REQUIRE(rig.begin());
  runFor(rig, 20000, SMSERVER_NETWORK_MS + 50);
  CHECK(rig.device->lastError().code == SMError::HttpUnreachable);
  fake::net.dnsMs = 60000;
#if defined(ESP32)
  constexpr uint32_t kLookUpMs = 14000;  // the core's own limit
#else
  constexpr uint32_t kLookUpMs = SMSERVER_NETWORK_MS;
#endif
  runFor(rig, 60000, kLookUpMs + 50);
  CHECK(rig.device->lastError().code == SMError::NameNotFound);
}

TEST_CASE("little memory is an error with backoff, not a crash") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  fake::heap.maxBlock = 1000;
  rig.loops(200);
  CHECK(rig.device->lastError().code == SMError::OutOfMemory);
  CHECK(rig.server.requests.empty());
  fake::heap.maxBlock = 40000;
  CHECK(rig.online());
}
