// Commands: answered once, remembered across reboots and power cuts.
#include "device_rig.h"

using Strings = std::vector<std::string>;

namespace {

struct CommandRig : DeviceRig {
  int acted = 0;
  explicit CommandRig(bool fresh = true) : DeviceRig(fresh) {}
  void start() {
    REQUIRE(begin());
    device->onCommand([this](const char* name, JsonVariantConst arguments) {
      fake::Uncounted uncounted;
      ++acted;
      if (std::string(name) == "LED") {
        return SMResult::ok(arguments["on"] | false ? R"({"led":true})"
                                                    : R"({"led":false})");
      }
      return SMResult::error("no such command");
    });
    REQUIRE(online());
  }
  void command(const std::string& json) {
    server.publish(topic("command"), json, 1);
    loops(20);
  }
};

// The token and the address in flash are another server's; start afresh with
// what commands left there.
void keepOnlyCommands() {
  fake::Uncounted scope;
  KV kv;
  REQUIRE(kv.begin(SMSERVER_STORE_BYTES) == KVError::None);
  smserver::SessionStore(kv).dropToken();
  kv.remove("sm.h");
  REQUIRE(kv.commit() == KVError::None);
}

}  // namespace

TEST_CASE("a command's result becomes the reply") {
  CommandRig rig;
  rig.start();
  rig.command(R"({"c":"LED","i":"k3V9x2","a":{"on":true}})");
  rig.command(R"({"c":"LED","i":"k3V9x3","a":{}})");
  rig.command(R"({"c":"FLY","i":"k3V9x4"})");
  CHECK(rig.sent("reply") ==
        Strings{R"({"i":"k3V9x2","c":"OK","r":{"led":true}})",
                R"({"i":"k3V9x3","c":"OK","r":{"led":false}})",
                R"({"i":"k3V9x4","c":"ERROR","m":"no such command"})"});
  CHECK(rig.server.acks == 3);
  CHECK(rig.device->counters().commands == 3);
}

TEST_CASE("without a callback a command is answered all the same") {
  DeviceRig rig;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  rig.server.publish(rig.topic("command"), R"({"c":"X","i":"1"})", 1);
  rig.loops(20);
  CHECK(
      rig.sent("reply") ==
      Strings{R"({"i":"1","c":"ERROR","m":"this device takes no commands"})"});
}

TEST_CASE("a repeated id is answered with the first result, not acted on") {
  CommandRig rig;
  rig.start();
  rig.command(R"({"c":"LED","i":"a","a":{"on":true}})");
  rig.command(R"({"c":"LED","i":"a","a":{"on":false}})");
  CHECK(rig.acted == 1);
  const Strings replies = rig.sent("reply");
  REQUIRE(replies.size() == 2);
  CHECK(replies[0] == replies[1]);
  CHECK(rig.device->counters().repeatedCommands == 1);
  // More ids than are remembered push the oldest out.
  for (int i = 0; i < SMSERVER_COMMAND_MEMORY; ++i) {
    rig.command(R"({"c":"LED","i":"b)" + std::to_string(i) + R"("})");
  }
  CHECK(rig.acted == 1 + SMSERVER_COMMAND_MEMORY);
  for (int i = 0; i < SMSERVER_COMMAND_MEMORY; ++i) {
    rig.command(R"({"c":"LED","i":"b)" + std::to_string(i) + R"("})");
  }
  CHECK(rig.acted == 1 + SMSERVER_COMMAND_MEMORY);
}

TEST_CASE("the memory of another server's commands is not taken over") {
  CommandRig first;
  first.start();
  first.command(R"({"c":"LED","i":"a"})");
  first.device.reset();
  CommandRig rig(false);  // another port is another server
  rig.start();
  rig.command(R"({"c":"LED","i":"a"})");
  CHECK(rig.acted == 1);
}

TEST_CASE("a repeated id is answered across a reboot") {
  CommandRig rig;
  rig.start();
  rig.command(R"({"c":"LED","i":"a","a":{"on":true}})");
  rig.device.reset();
  keepOnlyCommands();
  rig.make();
  rig.start();
  rig.command(R"({"c":"LED","i":"a","a":{"on":true}})");
  CHECK(rig.acted == 1);
  const Strings replies = rig.sent("reply");
  REQUIRE(replies.size() == 2);
  CHECK(replies[0] == replies[1]);
}

TEST_CASE("a remembered reply is never sent cut") {
  CommandRig rig;
  rig.start();
  // Of a sketch that allowed longer results.
  const std::string longer =
      R"({"i":"a","c":"OK","r":")" + std::string(400, 'r') + "\"}";
  REQUIRE(rig.device->storage().set("sm.cA", longer.c_str()) == KVError::None);
  rig.command(R"({"c":"LED","i":"a"})");
  CHECK(rig.acted == 0);
  CHECK(rig.sent("reply") ==
        Strings{R"({"i":"a","c":"ERROR","m":"interrupted by a restart"})"});
}

TEST_CASE("a command that restarts the device is not tried again") {
  CommandRig rig;
  rig.start();
  rig.device->onCommand([&](const char*, JsonVariantConst) {
    ++rig.acted;
    // The power goes here; what follows never reaches flash or network.
    fake::flash.cut = true;
    return SMResult::ok();
  });
  rig.server.published.clear();
  rig.command(R"({"c":"REBOOT","i":"r1"})");
  CHECK(rig.acted == 1);
  rig.device.reset();
  fake::flash.powerUp();
  keepOnlyCommands();
  rig.server.published.clear();
  rig.make();
  rig.start();
  rig.command(R"({"c":"REBOOT","i":"r1"})");
  CHECK(rig.acted == 1);
  CHECK(rig.sent("reply") ==
        Strings{R"({"i":"r1","c":"ERROR","m":"interrupted by a restart"})"});
}

TEST_CASE(
    "power cuts at every byte while a command is noted: never acted on "
    "twice") {
  long at = 0;
  bool cut = true;
  for (; cut; at += 37) {
    CommandRig rig;
    rig.start();
    rig.command(R"({"c":"LED","i":"before"})");
    rig.acted = 0;
    fake::flash.cutAfter = at;
    rig.server.publish(rig.topic("command"), R"({"c":"LED","i":"x"})", 1);
    // The device stops where its power went.
    for (int i = 0; i < 20 && !fake::flash.cut; ++i) rig.loop();
    cut = fake::flash.cut;
    const int before = rig.acted;
    rig.device.reset();
    fake::flash.powerUp();
    keepOnlyCommands();
    rig.make();
    rig.start();
    rig.command(R"({"c":"LED","i":"x"})");
    CHECK(rig.acted <= 1);
    // It was acted on unless the first try had got as far as noting it.
    CHECK(rig.sent("reply").back().find(R"("i":"x")") != std::string::npos);
    CHECK(before <= rig.acted);
    rig.command(R"({"c":"LED","i":"before"})");
    CHECK(rig.acted <= 1);
  }
#if defined(ESP32)
  CHECK(at > 400);  // NVS writes what changed
#else
  CHECK(at > 4096);
#endif
}

TEST_CASE("a reply that could not be sent goes out with the next connection") {
  CommandRig rig;
  rig.start();
  rig.device->onCommand([&](const char*, JsonVariantConst) {
    rig.server.closeMqtt();
    return SMResult::ok();
  });
  rig.server.publish(rig.topic("command"), R"({"c":"X","i":"1"})", 1);
  REQUIRE(rig.until([&] { return !rig.device->isConnected(); }));
  // Over TCP the last write may still seem to succeed; then the server asks
  // again.
  REQUIRE(rig.until([&] { return rig.device->isConnected(); }));
  rig.command(R"({"c":"X","i":"1"})");
  REQUIRE(!rig.sent("reply").empty());
  CHECK(rig.sent("reply").back() == R"({"i":"1","c":"OK"})");
  CHECK(rig.device->counters().commands == 1);
}

TEST_CASE("a store full of the sketch's own values does not stop commands") {
  CommandRig rig;
  rig.start();
  KV& kv = rig.device->storage();
  const std::string filler(256, 'f');
  int n = 0;
  while (kv.set(("f" + std::to_string(n)).c_str(), filler.c_str()) ==
         KVError::None) {
    ++n;
  }
  while (
      kv.room() > 8 &&
      kv.set("rest",
             std::string(kv.room() > 300 ? 256 : kv.room() - 7, 'r').c_str()) ==
          KVError::None) {
    break;
  }
  rig.command(R"({"c":"LED","i":"a","a":{"on":true}})");
  rig.command(R"({"c":"LED","i":"b","a":{"on":true}})");
  CHECK(rig.acted == 2);
  CHECK(rig.sent("reply").size() == 2);
}

TEST_CASE("a command without a name gets an ERROR reply") {
  for (bool callback : {true, false}) {
    CommandRig rig;
    rig.start();
    if (!callback) rig.device->onCommand(nullptr);
    rig.command(R"({"i":"k1","a":{}})");
    rig.command(R"({"c":"","i":"k2"})");
    rig.command(R"({"c":5,"i":"k3"})");
    const Strings replies = rig.sent("reply");
    REQUIRE(replies.size() == 3);
    for (const std::string& reply : replies) {
      CHECK(reply.find(R"("c":"ERROR","m":")") != std::string::npos);
    }
    CHECK(rig.acted == 0);
  }
}

TEST_CASE("what is not JSON is no command") {
  CommandRig rig;
  rig.start();
  const uint32_t ignored = rig.device->counters().ignored;
  rig.command("{'c':'LED','i':'k1'}");
  rig.command(R"({"c":"LED","i":"k2"} trailing)");
  rig.command("{\"c\":\"LED\",\"i\":\"k3\",\"a\":\"\xFF\"}");
  CHECK(rig.acted == 0);
  CHECK(rig.sent("reply").empty());
  CHECK(rig.device->counters().ignored == ignored + 3);
}

TEST_CASE("a result that is not JSON becomes an ERROR, never a broken reply") {
  CommandRig rig;
  rig.start();
  rig.device->onCommand([](const char*, JsonVariantConst) {
    return SMResult::ok("{'led':true}");
  });
  rig.command(R"({"c":"X","i":"1"})");
  CHECK(rig.sent("reply") ==
        Strings{R"({"i":"1","c":"ERROR","m":"result is not JSON"})"});
}
