#include "SMServerTls.h"
#include "device_rig.h"

namespace {

constexpr char kPem[] = "-----BEGIN CERTIFICATE-----";

}  // namespace

TEST_CASE(
    "TLS with an authority: clock first, one session at a time, small "
    "fragments") {
  SMServerTls tls = SMServerTls::authority(kPem);
  DeviceRig rig;
  rig.options.tls = &tls;
  rig.make("https://");
  fake::net.notBefore = 1795000000;
  fake::net.notAfter = 1796000000;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  // The first request has no credential: its certificate could not be checked.
  REQUIRE(rig.server.requests.size() == 3);
  CHECK(rig.server.requests[0].find("Authorization") == std::string::npos);
  CHECK(rig.server.requests[1].find("Bearer device-key") != std::string::npos);
  CHECK(fake::net.maxOpenTls == 1);
  CHECK(fake::net.openTls == 1);
  CHECK(fake::net.probes == 2);
  for (const int bytes : fake::net.receiveBuffers) CHECK(bytes == 512);
  // Renewal closes MQTT first.
  rig.device->renewToken();
  REQUIRE(rig.until([&] { return rig.server.connects.size() == 2; }));
  CHECK(fake::net.maxOpenTls == 1);
  CHECK(fake::net.probes == 2);
}

TEST_CASE("TLS with servers that take no small fragments needs large buffers") {
  SMServerTls tls = SMServerTls::insecure();
  DeviceRig rig;
  rig.options.tls = &tls;
  rig.make("https://");
  fake::net.smallFragments = false;
  fake::heap.maxBlock = 15000;
  REQUIRE(rig.begin());
  rig.loops(50);
  CHECK(rig.device->lastError().code == SMError::OutOfMemory);
  CHECK(rig.device->lastError().detail == 16384 + 325 + 512);
  fake::heap.maxBlock = 30000;
  REQUIRE(rig.online());
  for (const int bytes : fake::net.receiveBuffers) CHECK(bytes == 16384);
}

TEST_CASE("TLS with fingerprints: the broker may have one of its own") {
  for (bool own : {false, true}) {
    SMServerTls tls = own ? SMServerTls::fingerprint("AA", "BB")
                          : SMServerTls::fingerprint("AA");
    DeviceRig rig;
    rig.options.tls = &tls;
    rig.make("https://");
    fake::net.fingerprint = "AA";
    REQUIRE(rig.begin());
    if (own) {
      REQUIRE(rig.until(
          [&] { return rig.device->lastError().code == SMError::TlsFailed; }));
      CHECK(rig.device->lastError().detail == 62);
      CHECK(rig.device->isRegistered());
      fake::net.fingerprint = "BB";
    }
    CHECK(rig.online());
  }
}

TEST_CASE("TLS: a server that fails the check never sees the key") {
  SMServerTls tls = SMServerTls::fingerprint("AA");
  DeviceRig rig;
  rig.options.tls = &tls;
  rig.make("https://");
  fake::net.fingerprint = "EE";
  REQUIRE(rig.begin());
  rig.loops(3000);
  CHECK(rig.server.requests.empty());
  CHECK(rig.device->lastError().code == SMError::TlsFailed);
}
