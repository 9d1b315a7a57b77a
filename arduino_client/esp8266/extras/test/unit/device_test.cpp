// The whole library over sockets, against a server in this process.
#include "device_rig.h"

using Strings = std::vector<std::string>;

TEST_CASE("a new device registers, connects, subscribes and pings") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  CHECK(rig.device->state() == SMState::WaitingForWifi);
  REQUIRE(rig.online());
  CHECK(rig.device->isRegistered());
  CHECK(rig.server.subscribed ==
        Strings{rig.topic("ping"), rig.topic("command"), rig.topic("ack"),
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
  CHECK(rig.device->lastError().detail == 208);
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
