// The quick start's sketch, as it is in the README and in the examples, runs.
#include "device_rig.h"

namespace sketch {

char address[32];

// With its own constants, but for a server and a key that exist.
#define server(host, uuid, key) server(address, uuid, "device-key")
#include "../../../examples/Basic/Basic.ino"
#undef server

}  // namespace sketch

namespace {

std::string text(const __FlashStringHelper* flash) {
  return reinterpret_cast<const char*>(flash);
}

// What was printed since the last time.
struct Monitor {
  std::string text;
  Monitor() { fake::serial = &text; }
  ~Monitor() { fake::serial = nullptr; }
  std::string take() {
    std::string out;
    out.swap(text);
    return out;
  }
};

}  // namespace

TEST_CASE("the quick start says each state, and what to do about an error") {
  DeviceRig rig;
  Monitor monitor;
  const auto run = [&](uint32_t ms, const std::function<bool()>& done) {
    for (uint32_t i = 0; i < ms && !done(); ++i) {
      fake::advance(1);
      rig.server.pump();
      fake::Counted library;
      sketch::loop();
    }
    return done();
  };
  const auto online = [] { return sketch::server.isConnected(); };

  strcpy(sketch::address, "no such name");
  sketch::setup();
  CHECK(monitor.take() == text(advice(SMError::BadHost)) + "\r\n");

  strcpy(sketch::address, rig.host.c_str());
  fake::net.wifi = false;
  sketch::setup();
  run(10, [] { return false; });
  CHECK(monitor.take() == "waiting for Wi-Fi\r\n");
  rig.server.onRequest = [](const std::string&) {
    return TestServer::http(401, R"({"c":"FORBIDDEN","r":"bad_credential"})");
  };
  fake::net.wifi = true;
  REQUIRE(run(1000, [] { return sketch::server.retryInMs() > 0; }));
  CHECK(monitor.take() == "requesting token\r\nwaiting\r\n  " +
                              text(toString(SMError::BadCredential)) + ": " +
                              text(advice(SMError::BadCredential)) + "\r\n");

  rig.server.onRequest = nullptr;
  fake::advance(2 * 3600000);
  REQUIRE(run(1000, online));
  const std::string way = monitor.take();
  CHECK(way.find("requesting token\r\n") == 0);
  CHECK(way.find("requesting address\r\n") != std::string::npos);
  CHECK(way.find("connecting\r\n") != std::string::npos);
  CHECK(way.substr(way.size() - 8) == "online\r\n");

  // A reading every ten seconds.
  fake::advance(10000);
  const auto published = [&](const std::string& what) {
    for (const auto& p : rig.server.published) {
      if (p.topic.find("/data") != std::string::npos &&
          p.payload.find(what) != std::string::npos) {
        return true;
      }
    }
    return false;
  };
  CHECK(run(1000, [&] { return published(R"("light":512)"); }));

  rig.server.closeMqtt();
  REQUIRE(run(1000, [&] { return !online(); }));
  CHECK(monitor.take() == "waiting\r\n  " +
                              text(toString(SMError::ConnectionLost)) + ": " +
                              text(advice(SMError::ConnectionLost)) + "\r\n");
  sketch::server.end();
}
