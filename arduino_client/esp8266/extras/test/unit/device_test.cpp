// The whole library over sockets, against a server in this process.
#include <math.h>

#include "device_rig.h"
#include "internal/json_reader.h"

using Strings = std::vector<std::string>;

TEST_CASE("a new device registers, connects, subscribes and pings") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  CHECK(rig.device->state() == SMState::WaitingForWifi);
  REQUIRE(rig.online());
  CHECK(rig.device->isRegistered());
  CHECK(rig.server.subscribed == Strings{rig.topic("ping"),
                                         rig.topic("command"), rig.topic("ack"),
                                         rig.topic("master")});
  CHECK(rig.sent("ping") == Strings{R"({"c":"PING"})"});
  REQUIRE(rig.server.requests.size() == 2);
  CHECK(rig.server.requests[0].find(
            std::string("GET /auth/devices/request?uuid=") + kDeviceUuid) == 0);
  CHECK(rig.server.requests[0].find("Authorization: Bearer device-key\r\n") !=
        std::string::npos);
  CHECK(rig.server.requests[1].find("Authorization: Bearer token-1\r\n") !=
        std::string::npos);
  CHECK(rig.server.connects == Strings{"token-1"});
  CHECK(rig.device->now() == 1795468662);
}

TEST_CASE("arguments that cannot work are refused by begin()") {
  struct Row {
    const char *host, *uuid, *key;
    SMError error;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"", kDeviceUuid, "k", SMError::BadHost},
           {"a b", kDeviceUuid, "k", SMError::BadHost},
           {"host", "not-a-uuid", "k", SMError::BadUuid},
           {"host", "00000000-0000-0000-0000-000000000000", "k",
            SMError::BadUuid},
           {"host", kDeviceUuid, "", SMError::BadKey},
           {"host", kDeviceUuid, "a\r\nb", SMError::BadKey},
           {"host", kDeviceUuid, nullptr, SMError::BadKey},
           {"https://host", kDeviceUuid, "k", SMError::NoTrust}}) {
    fake::Uncounted scope;
    SMServer device(row.host, row.uuid, row.key);
    CHECK(!device.begin());
    CHECK(device.lastError().code == row.error);
    CHECK(device.state() == SMState::Stopped);
    device.loop();
    CHECK(device.publishData("{}") == SMError::NotBegun);
    CHECK(device.ping() == SMError::NotBegun);
    CHECK(!device.message());
  }
}

TEST_CASE("a reboot makes no HTTP request") {
  {
    DeviceRig rig;
    REQUIRE(rig.begin());
    REQUIRE(rig.online());
  }
  const fake::Flash flash = fake::flash;
  DeviceRig rig(false);
  rig.server.onRequest = [](const std::string&) { return std::string(); };
  // The other server's port is in flash.
  KV kv;
  REQUIRE(kv.begin(SMSERVER_STORE_BYTES) == KVError::None);
  // As would the identity be.
  smserver::SessionStore store(kv);
  char token[SMSERVER_TOKEN_BYTES], user[SMSERVER_USER_BYTES];
  REQUIRE(store.token(token, user));
  smserver::TokenAnswer answer = {};
  strcpy(answer.token, token);
  strcpy(answer.user, user);
  smserver::Endpoint self;
  REQUIRE(smserver::parseHost(rig.host.c_str(), false, &self));
  store.adopt(self, kDeviceUuid, rig.key.c_str());
  REQUIRE(store.setToken(answer) == KVError::None);
  smserver::Endpoint broker = {"127.0.0.1", rig.server.mqttPort(), false};
  REQUIRE(store.setAddress(broker) == KVError::None);
  REQUIRE(kv.commit() == KVError::None);
  kv.end();
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  CHECK(rig.server.requests.empty());
  CHECK(rig.server.connects == Strings{"token-1"});
}

TEST_CASE("CONNECT fits whatever a token may be, and the buffer grew for it") {
  DeviceRig rig;
  const std::string token(399, 't');
  rig.server.onRequest = [&](const std::string& request) {
    if (request.find("/mqtt ") != std::string::npos) {
      return rig.server.defaultAnswer(request);
    }
    return TestServer::http(200, R"({"c":"OK","t":")" + token + R"(","u":")" +
                                     rig.server.user + R"(","x":1000})");
  };
  rig.options.packetBytes = 1;  // raised to the least that works
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  CHECK(rig.server.connects == Strings{token});
}

TEST_CASE("a CONNECT that does not fit is an error with its size") {
  DeviceRig rig;
  rig.server.onRequest = [&](const std::string& request) {
    if (request.find("/mqtt ") != std::string::npos) {
      return rig.server.defaultAnswer(request);
    }
    return TestServer::http(200, R"({"c":"OK","t":")" + std::string(500, 't') +
                                     R"(","u":")" + rig.server.user +
                                     R"(","x":1000})");
  };
  rig.options.packetBytes = 512;
  REQUIRE(rig.begin());
  REQUIRE(rig.until(
      [&] { return rig.device->lastError().code == SMError::TooLong; }));
  CHECK(rig.device->lastError().detail == 15 + 2 + 36 + 2 + 38 + 2 + 500);
}

TEST_CASE("telemetry: sent at once online, in order from the ring after") {
  DeviceRig rig;
  rig.options.stampTelemetry = false;
  REQUIRE(rig.begin());
  CHECK(rig.device->publishData(R"({"v":1})") == SMError::None);
  JsonDocument doc;
  doc["v"] = 2;
  CHECK(rig.device->publishData(doc) == SMError::None);
  CHECK(rig.device->waiting() == 2);
  REQUIRE(rig.online());
  CHECK(rig.device->publishData(R"({"v":3})") == SMError::None);
  rig.loops(5);
  CHECK(rig.records() == Strings{R"({"v":1})", R"({"v":2})", R"({"v":3})"});
  rig.server.closeMqtt();
  rig.loops(3);
  CHECK(!rig.device->isConnected());
  rig.device->publishData(R"({"v":4})");
  REQUIRE(rig.until([&] { return rig.records().size() == 4; }));
  CHECK(rig.device->counters().droppedTelemetry == 0);
}

TEST_CASE("a full ring drops the oldest and counts them") {
  DeviceRig rig;
  rig.options.outboxBytes = 150;
  REQUIRE(rig.begin());
  for (int i = 0; i < 10; ++i) {
    CHECK(rig.device->publishData(
              ("{\"v\":" + std::to_string(i) + "}").c_str()) == SMError::None);
  }
  CHECK(rig.device->counters().droppedTelemetry == 4);  // 24 bytes each
  const std::string big = R"({"t":")" + std::string(200, 'x') + R"("})";
  CHECK(rig.device->publishData(big.c_str()) == SMError::QueueFull);
  // With the numbers it would have had.
  CHECK(rig.device->lastError().detail > 208);
  CHECK(rig.device->lastError().detail < 240);
  REQUIRE(rig.online());
  rig.loops(10);
  CHECK(rig.records() == Strings{R"({"v":4})", R"({"v":5})", R"({"v":6})",
                                 R"({"v":7})", R"({"v":8})", R"({"v":9})"});
}

TEST_CASE("records made offline carry the time they were made, if known") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  rig.device->publishData(R"({"v":1})");  // no time yet
  REQUIRE(rig.online());
  rig.server.closeMqtt();
  rig.loops(2);
  fake::advance(5000);
  const uint32_t made = rig.device->now();
  rig.device->publishData(" {\"v\":2}");
  rig.device->publishData("{}");
  rig.device->publishData(R"({"ts":5,"v":3})");
  fake::advance(60000);
  REQUIRE(rig.until([&] { return rig.records().size() == 4; }));
  const Strings sent = rig.records();
  CHECK(sent[0] == R"({"v":1})");
  const std::string stamp = "{\"ts\":" + std::to_string(made);
  CHECK(sent[1].rfind(stamp, 0) == 0);
  CHECK(sent[1].substr(stamp.size() + 3) == ",\"v\":2}");
  CHECK(sent[2].rfind(stamp, 0) == 0);
  CHECK(sent[2].substr(stamp.size() + 3) == "}");
  CHECK(sent[3] == R"({"ts":5,"v":3})");
}

TEST_CASE(
    "what is too long is an error with its size, never dropped silently") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  rig.device->publishData("{}");
  rig.loops(3);
  const size_t room = SMSERVER_PACKET_BYTES - 7 - rig.topic("data").size();
  // The numbers of the first record take their share.
  const std::string first = rig.firstNumbers();
  std::string json =
      R"({"t":")" + std::string(room - 8 - first.size(), 'x') + R"("})";
  CHECK(rig.device->publishData(json.c_str()) == SMError::None);
  json.insert(6, "x");
  CHECK(rig.device->publishData(json.c_str()) == SMError::TooLong);
  CHECK(rig.device->lastError().detail == SMSERVER_PACKET_BYTES + 1);
  const std::string topic = rig.device->linkTopic().c_str();
  CHECK(rig.device->send(topic.c_str(), std::string(4000, 'x').c_str()) ==
        SMError::TooLong);
  rig.loops(5);
  CHECK(rig.sent("data").size() == 2);
  CHECK(rig.device->publishData("[1]") == SMError::BadPayload);
  CHECK(rig.device->publishData("") == SMError::BadPayload);
  CHECK(rig.device->publishData(nullptr) == SMError::BadPayload);
  CHECK(rig.device->send("a/#", "x") == SMError::BadTopic);
  CHECK(rig.device->send("", "x") == SMError::BadTopic);
  CHECK(rig.device->addLink("x") == SMError::BadUuid);
  CHECK(std::string(rig.device->linkTopic("x").c_str()).empty());
}

TEST_CASE("an incoming message that is too large is counted, not hidden") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  rig.server.publish(rig.topic("master"), std::string(20000, 'x'));
  rig.server.publish(rig.topic("master"), "small");
  REQUIRE(rig.until([&] { return rig.device->counters().oversized == 1; }));
  CHECK(rig.device->lastError().code == SMError::MessageTooLong);
  CHECK(rig.device->lastError().detail > 20000);
  REQUIRE(rig.until([&] { return rig.device->counters().received == 2; }));
  const auto message = rig.device->message();
  REQUIRE(message);
  CHECK(message->payload == "small");
  CHECK(rig.device->isConnected());
}

TEST_CASE("a large message at QoS 1 is acknowledged, and blocks nothing") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  const size_t before = rig.server.acks;
  rig.server.publish(rig.topic("command"), std::string(20000, 'x'), 1);
  REQUIRE(rig.until([&] { return rig.device->counters().oversized == 1; }));
  REQUIRE(rig.until([&] { return rig.server.acks > before; }));
  CHECK(rig.server.acks == before + 1);
  CHECK(rig.server.lastAck == std::string("\x00\x07", 2));
  // Just too large, and byte by byte.
  const std::string packet =
      mqttPacket(0x32, mqttText(rig.topic("command")) + "id" +
                           std::string(SMSERVER_PACKET_BYTES, 'x'));
  for (const char byte : packet) {
    rig.server.sendRaw(std::string(1, byte));
    rig.loops(1);
  }
  REQUIRE(rig.until([&] { return rig.server.acks == before + 2; }));
  CHECK(rig.server.lastAck == "id");
  // One whose topic leaves no room for its id is none of this device's.
  rig.server.sendRaw(mqttPacket(
      0x32, mqttText(std::string(SMSERVER_PACKET_BYTES, 't')) + "idx"));
  rig.server.publish(rig.topic("master"), "small", 1);
  REQUIRE(rig.until([&] { return rig.device->message().has_value(); }));
  CHECK(rig.device->counters().oversized == 3);
  CHECK(rig.until([&] { return rig.server.acks == before + 3; }, 5));
  CHECK(rig.device->isConnected());
}

TEST_CASE("a packet that went out in part ends the connection") {
  for (const bool subscribes : {false, true}) {
    DeviceRig rig;
    REQUIRE(rig.begin());
    REQUIRE(rig.online());
    const size_t pings = rig.sent("ping").size();
    fake::net.sendRoom = 20;
    if (subscribes) {
      REQUIRE(rig.device->addLink("6ba7b810-9dad-11d1-80b4-00c04fd430c9") ==
              SMError::None);
    } else {
      rig.device->publishData("light", 1);
    }
    REQUIRE(rig.until([&] { return fake::net.sendRoom == 0; }, 50));
    fake::net.sendRoom = SIZE_MAX;
    // Written behind that, this would be read as its rest.
    rig.device->ping();
    rig.loops(2);
    CHECK(rig.device->counters().disconnects == 1);
    CHECK(rig.device->lastError().code == SMError::ConnectionLost);
    REQUIRE(rig.online());
    REQUIRE(rig.until([&] { return rig.device->waiting() == 0; }));
    CHECK(rig.records().size() == (subscribes ? 0 : 1));
    CHECK(rig.until([&] { return rig.sent("ping").size() == pings + 1; }));
  }
}

TEST_CASE("a record has 4 KiB at most, as the server takes no more") {
  DeviceRig rig;
  rig.options.packetBytes = 16384;
  rig.options.outboxBytes = 16384;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  CHECK(rig.device->publishData("{}") == SMError::None);
  rig.loops(2);
  const size_t numbers = rig.firstNumbers().size();
  std::string json =
      R"({"t":")" + std::string(4096 - 8 - numbers, 'x') + R"("})";
  CHECK(rig.device->publishData(json.c_str()) == SMError::None);
  REQUIRE(rig.until([&] { return rig.sent("data").size() == 2; }));
  CHECK(rig.sent("data")[1].size() == 4096);
  std::string longer = json;
  longer.insert(6, "x");
  CHECK(rig.device->publishData(longer.c_str()) == SMError::TooLong);
  // A time does not make it longer.
  rig.server.closeMqtt();
  REQUIRE(rig.until([&] { return !rig.device->isConnected(); }));
  CHECK(rig.device->publishData(json.c_str()) == SMError::None);
  fake::advance(2 * SMSERVER_STAMP_AFTER_MS);
  REQUIRE(rig.online());
  REQUIRE(rig.until([&] { return rig.device->waiting() == 0; }));
  CHECK(rig.sent("data").back().size() == 4096);
}

TEST_CASE("the time is read at the call, not at the last loop()") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  rig.server.closeMqtt();
  REQUIRE(rig.until([&] { return !rig.device->isConnected(); }));
  const uint32_t before = rig.device->now();
  fake::advance(60000);  // a sketch that takes long
  const uint32_t made = rig.device->now();
  CHECK(made - before >= 60);
  CHECK(rig.device->publishData("light", 1) == SMError::None);
  fake::advance(2 * SMSERVER_STAMP_AFTER_MS);
  REQUIRE(rig.until([&] { return !rig.records().empty(); }));
  CHECK(rig.records()[0].rfind("{\"ts\":" + std::to_string(made), 0) == 0);
}

TEST_CASE("messages survive what callbacks publish, and acks go out") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  Strings got;
  rig.device->onMessage([&](const SMMessage& m) {
    fake::Uncounted scope;
    const std::string before(m.payload, m.length);
    for (int i = 0; i < 3; ++i) {
      CHECK(rig.device->publishData(R"({"in":"callback"})") == SMError::None);
    }
    rig.device->loop();  // does nothing in here
    CHECK(std::string(m.payload, m.length) == before);
    CHECK(std::string(m.topic) == rig.topic("master"));
    got.push_back(before);
  });
  REQUIRE(rig.online());
  rig.server.publish(rig.topic("master"), "one", 1);
  rig.server.publish(rig.topic("master"), "two", 0);
  rig.server.publish(rig.topic("master"), "", 1);
  REQUIRE(rig.until([&] { return got.size() == 3; }));
  CHECK(got == Strings{"one", "two", ""});
  rig.loops(3);
  CHECK(rig.server.acks == 2);
  CHECK(rig.records().size() == 9);
}

TEST_CASE("end() in a callback waits for it to return") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  bool called = false;
  rig.device->onMessage([&](const SMMessage& m) {
    rig.device->end();
    called = m.length == 2;
  });
  REQUIRE(rig.online());
  rig.server.publish(rig.topic("master"), "hi");
  REQUIRE(rig.until([&] { return called; }));
  CHECK(rig.device->state() == SMState::Stopped);
  CHECK(rig.begin());
  CHECK(rig.until([&] { return rig.device->isConnected(); }));
}

TEST_CASE("own echoes are recognised; a PING of one's own is not answered") {
  for (bool echo : {true, false}) {
    DeviceRig rig;
    rig.server.echo = echo;
    REQUIRE(rig.begin());
    Strings got;
    rig.device->onMessage([&](const SMMessage& m) {
      fake::Uncounted scope;
      got.push_back(m.payload);
    });
    REQUIRE(rig.online());
    const std::string link = rig.device->linkTopic().c_str();
    rig.device->send(link.c_str(), R"({"c":"PING"})");
    rig.device->send(link.c_str(), "hello");
    rig.device->send(link.c_str(), "hello");
    rig.loops(20);
    CHECK(got.empty());
    CHECK(rig.device->counters().echoes == (echo ? 4 : 0));
    // The same from somebody else.
    rig.server.publish(link, "hello");
    rig.server.publish(link, R"({"c":"PING"})");
    rig.server.publish(link, R"({"c":"PONG"})");
    rig.server.publish(rig.topic("ping"), R"({"c":"PING"})");
    rig.loops(20);
    CHECK(got == Strings{"hello", R"({"c":"PONG"})"});
    CHECK(rig.sent("master") ==
          Strings{R"({"c":"PING"})", "hello", "hello", R"({"c":"PONG"})"});
    CHECK(rig.sent("ping") == Strings{R"({"c":"PING"})", R"({"c":"PONG"})"});
  }
}

TEST_CASE("without a callback messages wait in order, the oldest go first") {
  DeviceRig rig;
  rig.options.inboxBytes = 200;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  for (int i = 0; i < 5; ++i) {
    rig.server.publish(rig.topic("master"), "message " + std::to_string(i));
  }
  REQUIRE(rig.until([&] { return rig.device->counters().received == 6; }));
  CHECK(rig.device->counters().droppedMessages == 2);
  for (int i = 2; i < 5; ++i) {
    const auto message = rig.device->message();
    REQUIRE(message);
    CHECK(message->payload == ("message " + std::to_string(i)).c_str());
    CHECK(message->topic == rig.topic("master").c_str());
  }
  CHECK(!rig.device->message());
}

TEST_CASE("messages on topics of no interest are ignored") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  rig.server.publish("device/other/master", "x");
  rig.server.publish(rig.topic("ping"), "not json");
  rig.server.publish(rig.topic("command"), "not json");
  rig.server.publish(rig.topic("command"), R"({"c":"X"})");
  rig.server.publish(rig.topic("command"), R"({"i":"a\"b","c":"X"})");
  rig.server.publish(rig.topic("command"), R"({"i":5,"c":"X"})");
  rig.loops(20);
  CHECK(rig.device->counters().ignored == 6);
  CHECK(rig.device->counters().commands == 0);
  CHECK(!rig.device->message());
}

TEST_CASE("a link that is refused is asked for again, and works once paired") {
  DeviceRig rig;
  const std::string other = "11111111-2222-3333-4444-555555555555";
  bool paired = false;
  rig.server.allow = [&](const std::string& topic) {
    return paired || topic.find(other) == std::string::npos;
  };
  REQUIRE(rig.begin());
  CHECK(rig.device->addLink("11111111-2222-3333-4444-555555555555") ==
        SMError::None);
  REQUIRE(rig.online());
  REQUIRE(rig.until([&] {
    return rig.device->lastError().code == SMError::SubscribeRefused;
  }));
  paired = true;
  fake::advance(SMSERVER_LINK_RETRY_MS);
  REQUIRE(rig.until([&] { return rig.server.subscribed.size() == 4; }));
  rig.server.publish("device/" + other + "/master", "from the master");
  REQUIRE(rig.until([&] { return bool(rig.device->message()); }));
}

TEST_CASE("a broker that stops answering is noticed by keep-alive") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  for (int i = 0; i < 10; ++i) {
    fake::advance(20000);
    rig.loops(5);
  }
  CHECK(rig.device->isConnected());
  rig.server.answerKeepAlive = false;
  for (int i = 0; i < 10 && rig.device->isConnected(); ++i) {
    fake::advance(20000);
    rig.loops(5);
  }
  CHECK(!rig.device->isConnected());
  CHECK(rig.device->lastError().code == SMError::ConnectionLost);
}

TEST_CASE("single values are records of one field") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  SMServer& device = *rig.device;
  CHECK(device.publishData("light", 512) == SMError::None);
  CHECK(device.publishData("low", int64_t{INT64_MIN}) == SMError::None);
  CHECK(device.publishData("high", uint64_t{UINT64_MAX}) == SMError::None);
  CHECK(device.publishData("small", uint32_t{7}) == SMError::None);
  CHECK(device.publishData("temp", 21.5f) == SMError::None);
  CHECK(device.publishData("tenth", 0.1f) == SMError::None);
  CHECK(device.publishData("third", 1.0 / 3) == SMError::None);
  CHECK(device.publishData("broken", NAN) == SMError::None);
  CHECK(device.publishData("on", true) == SMError::None);
  CHECK(device.publishData("te\"xt", "a\\b\n\xC3\xA4") == SMError::None);
  CHECK(device.publishData("string", String("s")) == SMError::None);
  rig.loops(5);
  CHECK(rig.records() ==
        Strings{R"({"light":512})", R"({"low":-9223372036854775808})",
                R"({"high":18446744073709551615})", R"({"small":7})",
                R"({"temp":21.5})", R"({"tenth":0.1})",
                R"({"third":0.333333333333333})", R"({"broken":null})",
                R"({"on":true})", "{\"te\\\"xt\":\"a\\\\b\\u000a\xC3\xA4\"}",
                R"({"string":"s"})"});
  CHECK(device.publishData("bad", "\xFF") == SMError::BadPayload);
  CHECK(device.publishData(nullptr, 1) == SMError::BadPayload);
  CHECK(device.publishData("null", static_cast<const char*>(nullptr)) ==
        SMError::BadPayload);
  CHECK(device.publishData(std::string(3000, 'f').c_str(), 1) ==
        SMError::TooLong);
  CHECK(device.publishRecord("{\"cut\":1}garbage", 9) == SMError::None);
}

TEST_CASE("heap, signal and uptime go out when they are asked for") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  CHECK(rig.sent("data").empty());
  fake::advance(60000);
  rig.loop();
  CHECK(rig.device->publishStatus() == SMError::None);
  rig.loops(3);
  REQUIRE(rig.records().size() == 1);
  const std::string status = rig.records()[0];
  CHECK(status.rfind(R"({"heap":)", 0) == 0);
  CHECK(status.find(R"(,"rssi":-)") != std::string::npos);
  CHECK(status.find(R"(,"uptime":60})") != std::string::npos);
}

TEST_CASE("about goes out once per session, with what was described") {
  static constexpr SMField kFields[] = {{"temp",
                                         "\xC2\xB0"
                                         "C",
                                         "temperature"},
                                        {"n", nullptr, nullptr},
                                        {"door", nullptr, "binary"}};
  static constexpr SMCommandInfo kCommands[] = {{"LED", R"({"on":"bool"})"},
                                                {"REBOOT", nullptr}};
  DeviceRig rig;
  rig.options.firmware = "greenhouse 1.4.0";
  rig.make();
  rig.device->describe(kFields);
  rig.device->describe(kCommands);
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
#if defined(ESP32)
  const std::string board = "esp32";
#else
  const std::string board = "esp8266";
#endif
  const std::string about = R"({"fw":"greenhouse 1.4.0","board":")" + board +
                            R"(","lib":")" SMSERVER_VERSION
                            R"(","reset":"power on")"
                            ",\"f\":{\"temp\":{\"u\":\"\xC2\xB0"
                            "C\",\"k\":\"temperature\"}"
                            R"(,"n":{},"door":{"k":"binary"}})"
                            R"(,"cmd":{"LED":{"on":"bool"},"REBOOT":{}}})";
  CHECK(rig.sent("about") == Strings{about});
  rig.loops(100);
  CHECK(rig.sent("about").size() == 1);
  rig.server.closeMqtt();
  REQUIRE(rig.until([&] { return rig.sent("about").size() == 2; }));
  // What does not fit is left out, and said so.
  static SMField many[100];
  for (SMField& field : many) field = {"a field with a long name", "u", "kind"};
  DeviceRig large;
  large.make();
  large.device->describe(many);
  REQUIRE(large.begin());
  REQUIRE(large.until([&] { return !large.sent("about").empty(); }, 3000));
  CHECK(large.sent("about")[0].find("\"f\"") == std::string::npos);
  CHECK(large.device->lastError().code == SMError::TooLong);
}

TEST_CASE("about leaves out what is not JSON") {
  static constexpr SMField kLatin[] = {{"temp", "\xB0", nullptr}};
  static constexpr SMCommandInfo kQuotes[] = {{"LED", "{'on':'bool'}"}};
  static constexpr SMCommandInfo kCut[] = {{"LED", "{\"on\":\"bool\""}};
  for (int i = 0; i < 4; ++i) {
    DeviceRig rig;
    rig.options.firmware = i == 3 ? "caf\xE9" : "1.0";
    rig.make();
    if (i == 0) rig.device->describe(kLatin);
    if (i == 1) rig.device->describe(kQuotes);
    if (i == 2) rig.device->describe(kCut);
    REQUIRE(rig.begin());
    REQUIRE(rig.until([&] { return !rig.sent("about").empty(); }, 3000));
    const std::string about = rig.sent("about")[0];
    CHECK(smserver::isJson(about.data(), about.size()));
    CHECK((about.find("\"fw\":\"1.0\"") != std::string::npos) == (i < 3));
    CHECK(about.find("\"reset\":") != std::string::npos);
    CHECK(about.find("\"f\"") == std::string::npos);
    CHECK(about.find("\"cmd\"") == std::string::npos);
    CHECK(rig.device->lastError().code == SMError::BadPayload);
  }
}

TEST_CASE("onState tells each state once, with the error that led to it") {
  DeviceRig rig;
  std::vector<std::pair<SMState, SMError>> seen;
  rig.make();
  rig.device->onState([&](SMState state, SMErrorInfo error) {
    fake::Uncounted scope;
    seen.push_back({state, error.code});
    rig.device->loop();  // does nothing in here
  });
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  using S = SMState;
  std::vector<std::pair<SMState, SMError>> wanted;
  for (S state : {S::WaitingForWifi, S::RequestingToken, S::RequestingAddress,
                  S::Connecting, S::Online}) {
    wanted.push_back({state, SMError::None});
  }
  CHECK(seen == wanted);
  seen.clear();
  rig.server.closeMqtt();
  rig.loops(3);
  REQUIRE(!seen.empty());
  CHECK(seen[0].first == SMState::Waiting);
  CHECK(seen[0].second == SMError::ConnectionLost);
  rig.device->end();
  CHECK(seen.back().first == SMState::Stopped);
}

TEST_CASE("a refused link answers NotPaired, a foreign topic is an error") {
  DeviceRig rig;
  const std::string other = "11111111-2222-3333-4444-555555555555";
  bool paired = false;
  rig.server.allow = [&](const std::string& topic) {
    return paired || topic.find(other) == std::string::npos;
  };
  REQUIRE(rig.begin());
  SMServer& device = *rig.device;
  const std::string link = device.linkTopic(other.c_str()).c_str();
  REQUIRE(rig.online());
  CHECK(device.send(link.c_str(), "x") == SMError::BadTopic);  // not added
  for (const std::string& topic :
       {std::string("a/b"), rig.topic("command"), rig.topic("ack"),
        rig.topic("data"), std::string("device/x/master")}) {
    CHECK_MESSAGE(device.send(topic.c_str(), "x") == SMError::BadTopic, topic);
  }
  CHECK(device.send(nullptr, "x") == SMError::BadTopic);
  CHECK(device.addLink(other.c_str()) == SMError::None);
  REQUIRE(rig.until(
      [&] { return device.lastError().code == SMError::SubscribeRefused; }));
  CHECK(device.send(link.c_str(), "x") == SMError::NotPaired);
  paired = true;
  fake::advance(SMSERVER_LINK_RETRY_MS);
  REQUIRE(rig.until(
      [&] { return device.send(link.c_str(), "x") == SMError::None; }));
  // Unsubscribed, and from then on foreign.
  rig.loops(5);
  device.removeLink(other.c_str());
  rig.loops(3);
  CHECK(rig.server.unsubscribed == Strings{link});
  CHECK(device.send(link.c_str(), "x") == SMError::BadTopic);
  device.removeLink(other.c_str());
  rig.loops(3);
  CHECK(rig.server.unsubscribed.size() == 1);
}

TEST_CASE("removing the device's own link does not make it deaf") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  REQUIRE(rig.device->addLink(kDeviceUuid) == SMError::None);
  rig.loops(5);
  rig.device->removeLink(kDeviceUuid);
  rig.loops(3);
  CHECK(rig.server.unsubscribed.empty());
  rig.server.publish(rig.topic("master"), "still there?");
  CHECK(rig.until([&] { return bool(rig.device->message()); }));
}

TEST_CASE("a document whose text is not JSON never leaves") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  const std::string link = rig.device->linkTopic().c_str();
  for (const char* raw : {"{'led':true}", "{led:true}", "1} {", "\"\xC3\""}) {
    JsonDocument doc;
    doc["raw"] = serialized(raw);
    CHECK(rig.device->publishData(doc) == SMError::BadPayload);
    CHECK(rig.device->send(link.c_str(), doc) == SMError::BadPayload);
    CHECK(!SMResult::ok(doc).isOk());
  }
  JsonDocument latin;
  latin["place"] = "caf\xE9";
  CHECK(rig.device->publishData(latin) == SMError::BadPayload);
  CHECK(rig.device->send(link.c_str(), latin) == SMError::BadPayload);
  CHECK(!SMResult::ok(latin).isOk());
  rig.loops(5);
  CHECK(rig.sent("data").empty());
  CHECK(rig.sent("master").empty());
  JsonDocument good;
  good["raw"] = serialized("[1,{\"a\":null}]");
  CHECK(rig.device->send(link.c_str(), good) == SMError::None);
  rig.loops(3);
  CHECK(rig.sent("master") == Strings{R"({"raw":[1,{"a":null}]})"});
}

TEST_CASE("retained messages are ignored on every topic") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  int acted = 0;
  rig.device->onCommand([&](const char*, JsonVariantConst) {
    ++acted;
    return SMResult::ok();
  });
  REQUIRE(rig.online());
  rig.device->publishData("light", 1);
  rig.server.ackData = false;
  rig.loops(3);
  const uint32_t ignored = rig.device->counters().ignored;
  const uint32_t pongs = rig.device->counters().pongs;
  const size_t replies = rig.server.published.size();
  rig.server.publish(rig.topic("master"), "old", 1, true);
  rig.server.publish(rig.topic("command"), R"({"c":"X","i":"1"})", 1, true);
  rig.server.publish(rig.topic("ping"), R"({"c":"PING"})", 0, true);
  rig.server.publish(rig.topic("ping"), R"({"c":"PONG"})", 0, true);
  rig.loops(20);
  CHECK(rig.device->counters().ignored == ignored + 4);
  CHECK(rig.device->counters().pongs == pongs);
  CHECK(!rig.device->message());
  CHECK(acted == 0);
  CHECK(rig.server.published.size() == replies);
  CHECK(rig.server.acks == 2);  // MQTT is satisfied all the same
}

TEST_CASE("inboxBytes = 0 switches the queue off, and is no error") {
  DeviceRig rig;
  rig.options.inboxBytes = 0;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  rig.server.publish(rig.topic("master"), "hello");
  REQUIRE(rig.until([&] { return rig.device->counters().received == 2; }));
  CHECK(!rig.device->message());
  CHECK(rig.device->counters().droppedMessages == 1);
  CHECK(rig.device->lastError().code == SMError::None);
}

TEST_CASE("outboxBytes = 0: records go out at once or not at all") {
  DeviceRig rig;
  rig.options.outboxBytes = 0;
  REQUIRE(rig.begin());
  CHECK(rig.device->publishData("light", 1) == SMError::NotConnected);
  REQUIRE(rig.online());
  CHECK(rig.device->publishData("{'light':2}") == SMError::BadPayload);
  CHECK(rig.device->publishData("light", 2) == SMError::None);
  rig.loops(3);
  CHECK(rig.records() == Strings{R"({"light":2})"});
  CHECK(rig.device->waiting() == 0);
}

TEST_CASE("pingMs() is what passed, also when the clock moves in loop()") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  rig.server.answerPing = false;
  rig.device->onMessage([&](const SMMessage&) {
    // In the middle of loop(), later than it began.
    fake::advance(30);
    rig.device->ping();
  });
  rig.server.publish(rig.topic("master"), "go");
  rig.server.publish(rig.topic("ping"), R"({"c":"PONG"})");
  REQUIRE(rig.until([&] { return rig.device->counters().pongs == 2; }));
  CHECK(rig.device->pingMs() < 1000);
}

TEST_CASE("records wait for the server's word, over a lost connection") {
  DeviceRig rig;
  rig.server.ackData = false;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  rig.device->publishData("light", 1);
  rig.device->publishData("light", 2);
  rig.loops(5);
  CHECK(rig.records().size() == 2);
  CHECK(rig.device->waiting() == 2);
  rig.server.closeMqtt();
  rig.server.ackData = true;
  REQUIRE(rig.until(
      [&] { return rig.records().size() == 4 && rig.device->waiting() == 0; }));
  const Strings sent = rig.sent("data");
  CHECK(sent[0] == sent[2]);  // the same numbers
  CHECK(sent[1] == sent[3]);
  CHECK(rig.device->counters().records == 2);
  CHECK(rig.device->counters().sentTelemetry == 4);
  CHECK(rig.device->counters().acknowledgedTelemetry == 2);
  CHECK(rig.device->counters().droppedTelemetry == 0);
}

TEST_CASE("a server without acknowledgements is served as before") {
  DeviceRig rig;
  rig.server.ackData = false;
  rig.server.allow = [](const std::string& topic) {
    return topic.find("/ack") == std::string::npos;
  };
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  rig.loops(5);
  CHECK(rig.device->lastError().code == SMError::None);
  rig.device->publishData("light", 1);
  rig.loops(3);
  CHECK(rig.records() == Strings{R"({"light":1})"});
  CHECK(rig.device->waiting() == 0);
}

TEST_CASE(
    "after a reboot with a good token, records get the time they were "
    "made") {
  {
    DeviceRig rig;
    REQUIRE(rig.begin());
    REQUIRE(rig.online());
  }
  DeviceRig rig(false);
  {
    // The other server's ports are in flash.
    KV kv;
    REQUIRE(kv.begin(SMSERVER_STORE_BYTES) == KVError::None);
    smserver::SessionStore store(kv);
    smserver::TokenAnswer answer = {};
    REQUIRE(store.token(answer.token, answer.user));
    answer.nowS = 1700000000;
    smserver::Endpoint self;
    REQUIRE(smserver::parseHost(rig.host.c_str(), false, &self));
    store.adopt(self, kDeviceUuid, rig.key.c_str());
    REQUIRE(store.setToken(answer) == KVError::None);
    REQUIRE(store.setAddress({"127.0.0.1", rig.server.mqttPort(), false}) ==
            KVError::None);
    REQUIRE(kv.commit() == KVError::None);
  }
  fake::net.wifi = false;
  REQUIRE(rig.begin());
  rig.loops(10);
  CHECK(rig.device->now() == 0);  // not the time of the last token
  CHECK(rig.device->publishData("light", 1) == SMError::None);
  fake::advance(20000);
  rig.loop();
  fake::net.wifi = true;
  REQUIRE(rig.online());
  rig.loops(5);
  CHECK(rig.server.requests.size() == 1);  // asked once, with the token
  CHECK(rig.server.connects == Strings{"token-1"});
  REQUIRE(rig.records().size() == 1);
  const std::string record = rig.records()[0];
  REQUIRE(record.rfind("{\"ts\":", 0) == 0);
  const uint64_t made = std::stoull(record.substr(6));
  const uint64_t now = uint64_t{rig.device->now()} * 1000;
  CHECK(now - made >= 19000);
  CHECK(now - made <= 22000);
}

TEST_CASE("devices pair themselves") {
  DeviceRig rig;
  rig.server.pairingAnswer = R"({"c":"OK","code":"042719","x":300})";
  REQUIRE(rig.begin());
  SMServer& device = *rig.device;
  std::vector<SMPairing> answers;
  Strings texts;
  device.onPairing([&](const SMPairing& answer) {
    fake::Uncounted scope;
    answers.push_back(answer);
    texts.push_back(answer.code);
    for (size_t i = 0; i < answer.count; ++i) texts.push_back(answer.uuids[i]);
  });
  const auto ask = [&](SMError started) {
    CHECK(started == SMError::None);
    const size_t before = answers.size();
    REQUIRE(rig.until([&] { return answers.size() == before + 1; }));
  };
  const char* agent = "11111111-2222-3333-4444-55555555AAAA";
  ask(device.pairingCode());
  CHECK(rig.server.requests[2].rfind("POST /devices/pairing-code HTTP", 0) ==
        0);
  CHECK(answers[0].request == SMPairing::Request::Code);
  CHECK(texts.back() == "042719");
  CHECK(answers[0].validS == 300);
  REQUIRE(rig.online());
  rig.server.pairingAnswer = R"({"c":"OK","ms":12})";
  ask(device.pair(agent, "042719"));
  const std::string put = rig.server.requests.back();
  CHECK(put.rfind("PUT /devices/agents/11111111-2222-3333-4444-55555555aaaa ",
                  0) == 0);
  CHECK(put.find("Content-Type: application/json\r\nContent-Length: "
                 "17\r\n\r\n{\"code\":\"042719\"}") != std::string::npos);
  CHECK(put.find("Authorization: Bearer token-1\r\n") != std::string::npos);
  CHECK(answers.back().error.code == SMError::None);
  ask(device.unpair(agent));
  CHECK(rig.server.requests.back().rfind("DELETE /devices/agents/1", 0) == 0);
  rig.server.pairingAnswer =
      R"({"c":"OK","a":["11111111-2222-3333-4444-55555555aaaa",)"
      R"("22222222-2222-3333-4444-55555555aaaa"],"next":"2"})";
  texts.clear();
  ask(device.agents());
  CHECK(rig.server.requests.back().rfind("GET /devices/agents?limit=20 ", 0) ==
        0);
  CHECK(answers.back().count == 2);
  CHECK(answers.back().more);
  CHECK(texts == Strings{"", "11111111-2222-3333-4444-55555555aaaa",
                         "22222222-2222-3333-4444-55555555aaaa"});
  rig.server.pairingAnswer = R"({"c":"OK","a":[]})";
  ask(device.agents(agent));
  CHECK(rig.server.requests.back().rfind(
            "GET /devices/agents?limit=20&after=11111111-2222-3333-4444-"
            "55555555aaaa ",
            0) == 0);
  CHECK(answers.back().count == 0);
  CHECK(!answers.back().more);
  // It stayed online all the time.
  CHECK(device.counters().connects == 1);
  // One after the other, from the callback, which may go on reading.
  int chained = 0;
  std::string last;
  device.onPairing([&](const SMPairing& answer) {
    if (++chained < 3) CHECK(device.unpair(agent) == SMError::None);
    fake::Uncounted scope;
    last = answer.uuid;
  });
  CHECK(device.unpair(agent) == SMError::None);
  REQUIRE(rig.until([&] { return chained == 3; }));
  CHECK(last == "11111111-2222-3333-4444-55555555aaaa");
}

TEST_CASE("pairing that cannot work says why") {
  DeviceRig rig;
  rig.make();
  SMServer& device = *rig.device;
  const char* agent = "11111111-2222-3333-4444-55555555aaaa";
  CHECK(device.pairingCode() == SMError::NotBegun);
  REQUIRE(rig.begin());
  std::vector<SMErrorInfo> errors;
  device.onPairing([&](const SMPairing& answer) {
    fake::Uncounted scope;
    errors.push_back(answer.error);
  });
  CHECK(device.pair("x", "042719") == SMError::BadUuid);
  CHECK(device.pair(nullptr, "042719") == SMError::BadUuid);
  for (const char* code : {"", "12345", "1234567", "12345x", " 12345"}) {
    CHECK(device.pair(agent, code) == SMError::BadCode);
  }
  CHECK(device.pair(agent, nullptr) == SMError::BadCode);
  CHECK(device.agents("x") == SMError::BadUuid);
  REQUIRE(rig.online());
  struct Row {
    int status;
    const char* body;
    SMError error;
  };
  for (const Row& row : std::initializer_list<Row>{
           {403, R"({"c":"FORBIDDEN","r":"wrong_device"})",
            SMError::PairingRefused},
           {403, R"({"c":"FORBIDDEN","r":"wrong_role"})", SMError::WrongRole},
           {409, R"({"c":"ERROR","r":"conflict"})", SMError::Conflict},
           {429, R"({"c":"ERROR","r":"rate_limited"})", SMError::RateLimited},
           {200, "<html>", SMError::BadAnswer},
           {404, "", SMError::BadAnswer}}) {
    rig.server.onRequest = [&](const std::string&) {
      return TestServer::http(row.status, row.body);
    };
    errors.clear();
    CHECK(device.pair(agent, "042719") == SMError::None);
    CHECK(device.unpair(agent) == SMError::Busy);
    REQUIRE(rig.until([&] { return !errors.empty(); }));
    CHECK(errors[0].code == row.error);
    CHECK(errors[0].detail == row.status);
    CHECK(device.isConnected());
  }
  // A token that is no longer good is renewed, though nobody asked for that.
  const uint32_t tokens = device.counters().tokens;
  rig.server.onRequest = [&](const std::string& request) {
    return request.find("/agents/") == std::string::npos
               ? rig.server.defaultAnswer(request)
               : TestServer::http(401, R"({"c":"FORBIDDEN","r":"expired"})");
  };
  errors.clear();
  CHECK(device.pair(agent, "042719") == SMError::None);
  REQUIRE(rig.until([&] { return device.counters().tokens == tokens + 1; }));
  CHECK(errors[0].code == SMError::BadCredential);
}
