#include "SMServerTls.h"
#include "device_rig.h"

namespace {

constexpr char kPem[] =
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

// A fingerprint of this chip's length, with colons.
std::string fingerprintOf(const std::string& pair) {
  std::string out = pair;
  for (size_t i = 1; i < SMServerTls::kFingerprintBytes; ++i) out += ":" + pair;
  return out;
}

struct TlsRig : DeviceRig {
  SMServerTls tls;
  explicit TlsRig(SMServerTls&& trust) : tls(std::move(trust)) {
    options.tls = &tls;
    make("https://");
  }
  // The trust outlives the device.
  ~TlsRig() { device.reset(); }
};

}  // namespace

#if defined(ESP8266)

TEST_CASE(
    "TLS with an authority: clock first, one session at a time, small "
    "fragments") {
  TlsRig rig(SMServerTls::authority(kPem));
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
  TlsRig rig(SMServerTls::insecure());
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

TEST_CASE("TLS: a probe that found nobody is made again") {
  TlsRig rig(SMServerTls::insecure());
  fake::net.failProbes = 1;
  fake::heap.maxBlock = 15000;
  fake::heap.freeBytes = 20000;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  for (const int bytes : fake::net.receiveBuffers) CHECK(bytes == 512);
  CHECK(fake::net.probes == 3);
}

TEST_CASE("TLS: that a server takes no small fragments is not asked again") {
  TlsRig rig(SMServerTls::insecure());
  fake::net.smallFragments = false;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  rig.device->renewToken();
  REQUIRE(rig.until([&] { return rig.server.connects.size() == 2; }));
  CHECK(fake::net.probes == 2);
}

TEST_CASE("TLS: too little heap in all is an error: the core would abort") {
  struct Row {
    bool small, authority;
    uint32_t bytes;
  };
  for (const Row& row : {Row{true, false, 14038}, Row{true, true, 15686},
                         Row{false, false, 29910}, Row{false, true, 31558}}) {
    TlsRig rig(row.authority ? SMServerTls::authority(kPem)
                             : SMServerTls::insecure());
    fake::net.smallFragments = row.small;
    fake::heap.maxBlock = row.small ? 7168 : 17221;
    fake::heap.freeBytes = row.bytes - 1;
    REQUIRE(rig.begin());
    rig.loops(50);
    CHECK(rig.device->lastError().code == SMError::OutOfMemory);
    CHECK(rig.device->lastError().detail == static_cast<int32_t>(row.bytes));
    CHECK(fake::net.handshakes == 0);
    fake::heap.freeBytes = row.bytes;
    CHECK(rig.online());
  }
}

TEST_CASE("TLS: sessions are kept for the next connection, HTTPS as well") {
  TlsRig rig(SMServerTls::insecure());
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  // The address was asked for with the session of the token.
  CHECK(fake::net.sessionsKept == 2);
  CHECK(fake::net.sessionsResumed == 1);
  rig.device->renewToken();
  REQUIRE(rig.until([&] { return rig.server.connects.size() == 2; }));
  CHECK(fake::net.sessionsKept == 4);
  CHECK(fake::net.sessionsResumed == 3);
}

constexpr int kNotTrusted = 62;  // BR_ERR_X509_NOT_TRUSTED

#else

TEST_CASE("TLS with an authority: no clock is asked for, one session") {
  TlsRig rig(SMServerTls::authority(kPem));
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  REQUIRE(rig.server.requests.size() == 2);
  CHECK(rig.server.requests[0].find("Bearer device-key") != std::string::npos);
  rig.device->renewToken();
  REQUIRE(rig.until([&] { return rig.server.connects.size() == 2; }));
  CHECK(fake::net.maxOpenTls == 1);
}

constexpr int kNotTrusted = -0x2700;  // MBEDTLS_ERR_X509_CERT_VERIFY_FAILED

#endif

TEST_CASE("TLS: online for a minute, with a burst, and a renewal") {
  TlsRig rig(SMServerTls::insecure());
  fake::net.handshakeMs = 3000;
  REQUIRE(rig.begin());
  REQUIRE(rig.online());
  const uint32_t start = static_cast<uint32_t>(millis());
  const auto stay = [&](uint32_t ms) {
    const uint32_t from = static_cast<uint32_t>(millis());
    while (static_cast<uint32_t>(millis()) - from < ms) {
      rig.loop();
      fake::advance(9);
    }
  };
  stay(30000);
  CHECK(rig.device->counters().disconnects == 0);
  CHECK(rig.server.connects.size() == 1);
  for (int i = 0; i < 15; ++i) {
    CHECK(rig.device->publishData("burst", i) == SMError::None);
  }
  rig.server.publish(rig.topic("master"), "still there?");
  stay(10000);
  CHECK(rig.records().size() == 15);
  CHECK(rig.device->message());
  rig.device->renewToken();
  stay(20000);
  CHECK(rig.server.connects.size() == 2);
  CHECK(rig.device->isConnected());
  CHECK(rig.device->counters().disconnects == 0);
  CHECK(rig.device->lastError().code == SMError::None);
  CHECK(static_cast<uint32_t>(millis()) - start >= 60000);
}

TEST_CASE("TLS: a handshake that hangs costs 15 s, not the ESP32's 120") {
  TlsRig rig(SMServerTls::insecure());
  fake::net.handshakeMs = 600000;
  REQUIRE(rig.begin());
  size_t hung = 0;
  for (int i = 0; i < 3000 && fake::net.handshakes < 3; ++i) {
    const uint32_t before = static_cast<uint32_t>(millis());
    rig.loop();
    const uint32_t took = static_cast<uint32_t>(millis()) - before;
    CHECK(took <= SMSERVER_TLS_MS + 150);
    if (took < SMSERVER_TLS_MS - 150) continue;
    ++hung;
    CHECK(rig.device->lastError().code == SMError::HttpUnreachable);
    fake::advance(SMSERVER_BACKOFF_MAX_MS);
  }
  CHECK(hung == 3);
  fake::net.handshakeMs = 0;
  CHECK(rig.online());
}

TEST_CASE("TLS: a slow handshake is waited for") {
  TlsRig rig(SMServerTls::insecure());
  fake::net.handshakeMs = 14000;
  REQUIRE(rig.begin());
  CHECK(rig.online());
}

TEST_CASE("TLS: an address that does not answer costs 5 s") {
  TlsRig rig(SMServerTls::insecure());
  fake::net.silent = true;
  REQUIRE(rig.begin());
  uint32_t longest = 0;
  for (int i = 0; i < 50; ++i) {
    const uint32_t before = static_cast<uint32_t>(millis());
    rig.loop();
    const uint32_t took = static_cast<uint32_t>(millis()) - before;
    if (took > longest) longest = took;
  }
  CHECK(rig.device->lastError().code == SMError::HttpUnreachable);
  CHECK(longest >= SMSERVER_NETWORK_MS);
  CHECK(longest <= SMSERVER_NETWORK_MS + 50);
}

TEST_CASE("TLS with fingerprints: the broker may have one of its own") {
  const std::string one = fingerprintOf("AA"), two = fingerprintOf("bb");
  for (bool own : {false, true}) {
    TlsRig rig(own ? SMServerTls::fingerprint(one.c_str(), two.c_str())
                   : SMServerTls::fingerprint(one.c_str()));
    fake::net.fingerprint = one;
    REQUIRE(rig.begin());
    if (own) {
      REQUIRE(rig.until(
          [&] { return rig.device->lastError().code == SMError::TlsFailed; }));
      CHECK(rig.device->lastError().detail == kNotTrusted);
      CHECK(rig.device->isRegistered());
      fake::net.fingerprint = two;
    }
    CHECK(rig.online());
  }
}

TEST_CASE("TLS: a server that fails the check never sees the key") {
  const std::string wanted = fingerprintOf("AA");
  TlsRig rig(SMServerTls::fingerprint(wanted.c_str()));
  fake::net.fingerprint = fingerprintOf("EE");
  REQUIRE(rig.begin());
  rig.loops(3000);
  CHECK(rig.server.requests.empty());
  CHECK(rig.device->lastError().code == SMError::TlsFailed);
}

TEST_CASE("malformed fingerprints and certificates are told by begin()") {
  const std::string good = fingerprintOf("AA");
  std::string blanks = good, bare;
  for (char& c : blanks) c = c == ':' ? ' ' : c;
  for (const char c : good) {
    if (c != ':') bare.push_back(c);
  }
  for (const std::string& text : {good, blanks, bare}) {
    TlsRig rig(SMServerTls::fingerprint(text.c_str()));
    CHECK_MESSAGE(rig.begin(), text);
  }
  for (const std::string& text :
       {std::string(), std::string("AA"), good + "A", good + ":AA",
        good.substr(0, good.size() - 1), "X" + good.substr(1),
        bare.substr(0, bare.size() - 2), ":" + good, good + " "}) {
    TlsRig rig(SMServerTls::fingerprint(text.c_str()));
    CHECK_MESSAGE(!rig.begin(), text);
    CHECK(rig.device->lastError().code == SMError::BadFingerprint);
    TlsRig second(SMServerTls::fingerprint(good.c_str(), text.c_str()));
    CHECK(!second.begin());
  }
  TlsRig none(SMServerTls::fingerprint(nullptr));
  CHECK(!none.begin());
  for (const char* pem : {"", "-----BEGIN CERTIFICATE-----",
                          "-----BEGIN CERTIFICATE-----\n\n"
                          "-----END CERTIFICATE-----\n",
                          "MIIB"}) {
    TlsRig rig(SMServerTls::authority(pem));
    CHECK_MESSAGE(!rig.begin(), pem);
    CHECK(rig.device->lastError().code == SMError::BadCertificate);
  }
  TlsRig missing(SMServerTls::authority(nullptr));
  CHECK(!missing.begin());
}

TEST_CASE("an https host whose broker has no TLS: an error, or plainMqtt") {
  for (bool plain : {false, true}) {
    TlsRig rig(SMServerTls::insecure());
    rig.options.plainMqtt = plain;
    rig.device.reset();
    rig.device = std::make_unique<SMServer>(rig.host.c_str(), kDeviceUuid,
                                            rig.key.c_str(), rig.options);
    rig.server.onRequest = [&](const std::string& request) {
      if (request.find("/mqtt ") == std::string::npos) {
        return rig.server.defaultAnswer(request);
      }
      return TestServer::http(200, R"({"c":"OK","ip":"127.0.0.1:)" +
                                       std::to_string(rig.server.mqttPort()) +
                                       R"("})");
    };
    REQUIRE(rig.begin());
    if (plain) {
      REQUIRE(rig.online());
      CHECK(fake::net.openTls == 0);
    } else {
      REQUIRE(rig.until([&] {
        return rig.device->lastError().code == SMError::NoTlsBroker;
      }));
      rig.loops(100);
      CHECK(rig.server.connects.empty());
    }
  }
}
