// Memory: none grows in loop(), and any allocation may fail.
#include <malloc.h>

#include "device_rig.h"

TEST_CASE("100,000 passes of loop() online leave the heap as it was") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  rig.device->onMessage([](const SMMessage&) {});
  rig.device->onCommand(
      [](const char*, JsonVariantConst) { return SMResult::ok(R"({"n":1})"); });
  REQUIRE(rig.online());
  int commands = 0;
  const auto traffic = [&](int i) {
    if (i % 100 == 0) {
      fake::Counted library;
      rig.device->publishData(R"({"v":1})");
    }
    if (i % 150 == 0) rig.server.publish(rig.topic("master"), "hello", 1);
    if (i % 5000 == 0) {
      rig.server.publish(
          rig.topic("command"),
          R"({"c":"X","i":")" + std::to_string(commands++) + R"("})");
    }
    if (i % 20000 == 0) rig.server.closeMqtt();
  };
  // Everything once, so that what is made at first use is there.
  for (int i = 0; i < 1000; ++i) {
    traffic(i);
    rig.loop();
  }
  REQUIRE(rig.online());
  const size_t live = fake::heap.live, bytes = fake::heap.liveBytes;
  const uint32_t sent = rig.device->counters().published;
  for (int i = 1; i <= 100000; ++i) {
    traffic(i);
    if (i % 8 == 0) {
      rig.loop();
    } else {
      fake::advance(1);
      fake::Counted library;
      rig.device->loop();
    }
    rig.server.published.clear();
    if (i % 1000 == 0 && rig.device->isConnected()) {
      REQUIRE(fake::heap.live == live);
      REQUIRE(fake::heap.liveBytes == bytes);
    }
  }
  CHECK(rig.device->counters().published - sent > 900);
  CHECK(rig.device->counters().disconnects >= 4);
  MESSAGE("heap online: ", bytes, " bytes in ", live, " blocks");
  rig.device.reset();
  CHECK(fake::heap.live == 0);
}

TEST_CASE("an idle pass of loop() online allocates nothing") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  rig.loops(50);
  const size_t before = fake::heap.allocations;
  rig.loops(1000);
  CHECK(fake::heap.allocations == before);
}

TEST_CASE("any one failed allocation is survived, and repaired later") {
  // A whole life: start, token, address, connect, messages, commands, renewal.
  const auto live = [](long failAt) {
    DeviceRig rig;
    rig.server.lifetimeS = 100;  // failed renewals are tried again soon
    fake::heap.failAt = failAt;
    bool begun = rig.begin();
    if (!begun) {
      CHECK(rig.device->lastError().code == SMError::OutOfMemory);
      begun = rig.begin();
    }
    REQUIRE(begun);
    int acted = 0;
    rig.device->onCommand([&](const char*, JsonVariantConst) {
      ++acted;
      return SMResult::ok(R"({"n":1})");
    });
    {
      fake::Counted library;
      rig.device->publishData(R"({"v":1})");
      JsonDocument doc;
      doc["v"] = 2;
      rig.device->publishData(doc);
    }
    REQUIRE(rig.until([&] { return rig.device->isConnected(); }, 20000));
    rig.loops(10);
    rig.server.publish(rig.topic("master"), "one");
    rig.loops(5);
    {
      fake::Counted library;
      rig.device->message();
      rig.device->message();
    }
    // As the server would, until there is a reply.
    for (int i = 0; i < 3 && rig.sent("reply").empty(); ++i) {
      rig.server.publish(rig.topic("command"), R"({"c":"X","i":"1"})");
      rig.loops(10);
    }
    CHECK(!rig.sent("reply").empty());
    CHECK(acted <= 1);
    rig.device->renewToken();
    REQUIRE(rig.until(
        [&] {
          return rig.server.connects.size() >= 2 && rig.device->isConnected();
        },
        20000));
    rig.device.reset();
    CHECK(fake::heap.live == 0);
    const bool failed = fake::heap.failed;
    fake::heap = fake::Heap();
    return failed;
  };
  long at = 0;
  while (live(at)) ++at;
  CHECK(at > 20);
  MESSAGE(at, " allocations failed in turn");
}
