// The state machine against a scripted network, with the clock in hand.
#include "internal/connection.h"

#include <deque>
#include <string>
#include <vector>

#include "check.h"
#include "test_control.h"

using namespace smserver;

namespace {

constexpr char kUuid[] = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
constexpr char kKey[] = "the-device-key";

struct FakeTransport : Network, HttpTransport, MqttTransport {
  bool wifi = true, up = false, clockNeeded = false;
  int64_t certFrom = 0;  // certificates are not valid before this time
  SMErrorInfo resolveError, httpError, mqttOpenError;
  std::deque<SMErrorInfo> connectErrors;  // then success
  struct Answer {
    int status;
    std::string body;
    uint32_t retryAfterS = 0;
    uint32_t dateS = 0;
  };
  std::deque<Answer> answers;         // then a good token or address
  std::vector<std::string> requests;  // "path credential"
  std::vector<std::string> passwords;
  size_t calls = 0;     // blocking calls
  uint32_t callMs = 0;  // what one takes
  bool httpOpen = false, mqttOpen = false, both = false;
  uint32_t lifetimeS = 1000;
  int tokens = 0;

  void call() {
    ++calls;
    fake::advance(callMs);
  }
  void opened() { both = both || (httpOpen && mqttOpen); }
  bool wifiUp() override { return wifi; }
  bool needsClock(const Endpoint& e) override { return e.tls && clockNeeded; }
  bool wrongTime(const SMErrorInfo& error) override {
    return error.code == SMError::TlsFailed && error.detail == 54;
  }
  SMErrorInfo resolve(const Endpoint&) override {
    call();
    return resolveError;
  }
  SMErrorInfo probe(const Endpoint&) override {
    call();
    return {};
  }
  SMErrorInfo openHttp(const Endpoint&, uint32_t unixS, bool verify) override {
    call();
    if (verify && unixS < certFrom) return {SMError::TlsFailed, 54};
    if (httpError.code == SMError::None) httpOpen = true;
    opened();
    return httpError;
  }
  HttpReply exchange(const Endpoint&, const HttpRequest& request,
                     char* body) override {
    call();
    const std::string path = request.path;
    const char* const bearer = request.bearer;
    requests.push_back(path + " " + (bearer ? bearer : "-"));
    Answer answer;
    if (!answers.empty()) {
      answer = answers.front();
      answers.pop_front();
    } else if (bearer == nullptr) {
      answer = {401, "", 0, 1795444000};
    } else if (path == "/mqtt") {
      answer = {200, R"({"c":"OK","ip":"broker:1883","tls":"broker:8883"})", 0,
                1795444532};
    } else {
      answer = {200, R"({"c":"OK","t":"token)" + std::to_string(++tokens) +
                         R"(","u":"user.1","x":)" + std::to_string(lifetimeS) +
                         R"(,"n":1795444532})"};
    }
    HttpReply reply;
    reply.status = answer.status;
    reply.retryAfterS = answer.retryAfterS;
    reply.dateS = answer.dateS;
    reply.length =
        answer.body.size() < SMSERVER_ANSWER_BYTES ? answer.body.size() : 0;
    memcpy(body, answer.body.data(), reply.length);
    return reply;
  }
  void closeHttp() override { httpOpen = false; }
  SMErrorInfo openMqtt(const Endpoint&, uint32_t unixS) override {
    call();
    if (unixS < certFrom) return {SMError::TlsFailed, 54};
    if (mqttOpenError.code == SMError::None) mqttOpen = true;
    opened();
    return mqttOpenError;
  }
  SMErrorInfo connectMqtt(const char* id, const char* user,
                          const char* password) override {
    call();
    CHECK(std::string(id) == kUuid);
    CHECK(std::string(user) == "user.1");
    passwords.push_back(password);
    if (!connectErrors.empty()) {
      const SMErrorInfo error = connectErrors.front();
      connectErrors.pop_front();
      if (error.code != SMError::None) return error;
    }
    up = true;
    return {};
  }
  bool mqttUp() override { return up; }
  SMErrorInfo mqttFault() override { return {SMError::ConnectionLost, -3}; }
  void closeMqtt() override { up = mqttOpen = false; }
};

struct Rig {
  fake::Uncounted scope;
  FakeTransport net;
  KV kv;
  SessionStore store{kv};
  SMCounters counters;
  SMErrorInfo error;
  Uptime uptime;
  Connection connection{uptime, net, net, net, store, counters, error};
  Connection::Identity identity{};
  uint64_t now = 0;
  uint32_t random = 0xFFFFFFFF;
  bool idle = true;
  bool wantsTime = false;

  explicit Rig(bool tls = false, bool fresh = true) {
    if (fresh) {
      fake::flash = fake::Flash();
      fake::setLayout(fake::Layout::SpareSector);
    }
    identity.server = {"host", static_cast<uint16_t>(tls ? 443 : 80), tls};
    strcpy(identity.uuid, kUuid);
    identity.key = kKey;
    identity.mqttTls = tls;
    net.clockNeeded = tls;
    REQUIRE(kv.begin(2048) == KVError::None);
    fake::setMillis(0);
    uptime.begin();
    connection.begin(identity);
  }
  void step(uint64_t ms = 0) {
    now += ms;
    while (uptime.ms() < now) {
      const uint64_t ahead = now - uptime.ms();
      fake::advance(ahead < 0x80000000 ? static_cast<uint32_t>(ahead)
                                       : 0x80000000);
    }
    const size_t calls = net.calls;
    connection.step(random, idle, wantsTime);
    now = uptime.ms();
    CHECK(net.calls - calls <= 1);  // one blocking call a step
  }
  // Steps without time passing until the state is reached or nothing changes.
  bool reach(SMState state, int steps = 40) {
    for (int i = 0; i < steps; ++i) {
      if (connection.state() == state) return true;
      step();
    }
    return connection.state() == state;
  }
  // As reach(), past one wait.
  bool afterWait(SMState state) {
    if (!reach(SMState::Waiting)) return false;
    step(connection.retryInMs(now));
    return reach(state);
  }
  std::string request(size_t i) {
    return i < net.requests.size() ? net.requests[i] : "";
  }
};

const std::string kAskToken =
    std::string("/auth/devices/request?uuid=") + kUuid + " ";

}  // namespace

TEST_CASE(
    "from nothing to online: token with the key, address with the token") {
  Rig rig;
  rig.net.wifi = false;
  rig.step();
  CHECK(rig.connection.state() == SMState::WaitingForWifi);
  CHECK(!rig.connection.registered());
  rig.net.wifi = true;
  REQUIRE(rig.reach(SMState::RequestingToken));
  REQUIRE(rig.reach(SMState::RequestingAddress));
  CHECK(rig.connection.registered());
  REQUIRE(rig.reach(SMState::Online));
  REQUIRE(rig.net.requests.size() == 2);
  CHECK(rig.request(0) == kAskToken + kKey);
  CHECK(rig.request(1) == "/mqtt token1");
  CHECK(rig.net.passwords == std::vector<std::string>{"token1"});
  CHECK(rig.connection.now(rig.now) == 1795444532);
  CHECK(rig.kv.flashWrites() == 1);
}

TEST_CASE("a reboot with a good token makes no HTTP request") {
  {
    Rig rig;
    REQUIRE(rig.reach(SMState::Online));
  }
  Rig rig(false, false);
  REQUIRE(rig.reach(SMState::Online));
  CHECK(rig.net.requests.empty());
  CHECK(rig.net.passwords == std::vector<std::string>{"token1"});
  CHECK(rig.kv.flashWrites() == 0);
}

TEST_CASE("another key, host or UUID forgets what was stored") {
  {
    Rig rig;
    REQUIRE(rig.reach(SMState::Online));
  }
  Rig rig(false, false);
  rig.identity.key = "another";
  rig.connection.begin(rig.identity);
  CHECK(!rig.connection.registered());
  REQUIRE(rig.reach(SMState::Online));
  CHECK(rig.request(0) == kAskToken + "another");
}

TEST_CASE(
    "a refused token is dropped and asked for again, once a backoff step") {
  for (int state : {4, 5}) {
    Rig rig;
    rig.net.connectErrors = {{SMError::BrokerRefused, state},
                             {SMError::BrokerRefused, state},
                             {SMError::BrokerRefused, state}};
    uint64_t last = 0;
    uint32_t step = 1000;
    for (int i = 0; i < 3; ++i) {
      REQUIRE(rig.reach(SMState::Waiting));
      CHECK(!rig.connection.registered());
      CHECK(rig.error.code == SMError::BrokerRefused);
      CHECK(rig.error.detail == state);
      const uint32_t wait = rig.connection.retryInMs(rig.now);
      CHECK(wait == rig.random % (step + 1));
      step *= 2;
      rig.step(wait);
      CHECK(rig.now - last >= wait);
      last = rig.now;
    }
    REQUIRE(rig.reach(SMState::Online));
    CHECK(rig.counters.refusals == 3);
    CHECK(rig.net.passwords ==
          std::vector<std::string>{"token1", "token2", "token3", "token4"});
    for (const std::string& request : rig.net.requests) {
      if (request.rfind("/auth", 0) == 0) CHECK(request == kAskToken + kKey);
    }
  }
}

TEST_CASE("a broker that closes or is silent keeps the token") {
  for (SMError error : {SMError::BrokerClosed, SMError::BrokerUnreachable,
                        SMError::BadPacket}) {
    Rig rig;
    rig.net.connectErrors = {{error, 0}, {error, 0}};
    REQUIRE(rig.reach(SMState::Waiting));
    CHECK(rig.connection.registered());
    REQUIRE(rig.afterWait(SMState::Waiting));
    REQUIRE(rig.afterWait(SMState::Online));
    CHECK(rig.net.passwords ==
          std::vector<std::string>{"token1", "token1", "token1"});
    CHECK(rig.net.requests.size() == 2);
  }
}

TEST_CASE("after several failures the address is asked for again") {
  Rig rig;
  REQUIRE(rig.reach(SMState::Online));
  rig.net.up = false;
  rig.net.mqttOpenError = {SMError::BrokerUnreachable, 0};
  for (int i = 0; i < SMSERVER_ADDRESS_TRIES; ++i) {
    REQUIRE(rig.afterWait(SMState::Connecting));
    CHECK(rig.net.requests.size() == 2);
  }
  REQUIRE(rig.afterWait(SMState::RequestingAddress));
  // The server is down as well: back to the address that is known.
  rig.net.httpError = {SMError::HttpUnreachable, -1};
  REQUIRE(rig.afterWait(SMState::Connecting));
}

TEST_CASE(
    "a lost connection comes back with the same token after a share of "
    "the first step") {
  Rig rig;
  REQUIRE(rig.reach(SMState::Online));
  rig.step(SMSERVER_STABLE_MS);
  rig.net.up = false;
  rig.random = 700;
  rig.step();
  CHECK(rig.connection.state() == SMState::Waiting);
  CHECK(rig.connection.retryInMs(rig.now) == 700);
  CHECK(rig.error.code == SMError::ConnectionLost);
  CHECK(rig.counters.disconnects == 1);
  REQUIRE(rig.afterWait(SMState::Online));
  CHECK(rig.net.requests.size() == 2);
}

TEST_CASE(
    "connected and then kicked counts as a failure, until it has lasted") {
  Rig rig;
  rig.random = 0xFFFFFFFF;
  uint32_t step = 1000;
  for (int i = 0; i < 12; ++i) {
    REQUIRE(rig.reach(SMState::Online));
    rig.step(SMSERVER_STABLE_MS - 1);
    rig.net.up = false;
    rig.step();
    const uint32_t wait = rig.connection.retryInMs(rig.now);
    CHECK(wait == rig.random % (step + 1));
    rig.step(wait);
    step = step * 2 < 300000 ? step * 2 : 300000;
  }
  REQUIRE(rig.reach(SMState::Online));
  rig.step(SMSERVER_STABLE_MS);
  rig.net.up = false;
  rig.step();
  CHECK(rig.connection.retryInMs(rig.now) == rig.random % 1001);
}

TEST_CASE("waits that the server tells are kept to the second") {
  struct Row {
    int status;
    const char* reason;
    uint32_t retryAfterS;
    SMError error;
    uint64_t waitMs;
  };
  for (const Row& row : std::initializer_list<Row>{
           {403, "pending", 300, SMError::Pending, 300000},
           {403, "pending", 0, SMError::Pending, 60000},
           {403, "unknown_device", 120, SMError::UnknownDevice, 120000},
           {429, "rate_limited", 7, SMError::RateLimited, 7000},
           {503, "unavailable", 30, SMError::ServerFault, 30000}}) {
    Rig rig;
    rig.net.answers = {
        {row.status,
         std::string(R"({"c":"NOT_REGISTERED","r":")") + row.reason + R"("})",
         row.retryAfterS}};
    REQUIRE(rig.reach(SMState::Waiting));
    CHECK(rig.error.code == row.error);
    CHECK(rig.error.detail == row.status);
    CHECK(rig.connection.retryInMs(rig.now) == row.waitMs);
    rig.step(row.waitMs - 1);
    CHECK(rig.net.requests.size() == 1);
    rig.step(1);
    REQUIRE(rig.reach(SMState::Online));
  }
}

TEST_CASE("what only a person can change is asked for hourly") {
  struct Row {
    int status;
    const char* reason;
    SMError error;
  };
  for (const Row& row : std::initializer_list<Row>{
           {401, "bad_credential", SMError::BadCredential},
           {403, "wrong_role", SMError::WrongRole}}) {
    Rig rig;
    const FakeTransport::Answer answer = {
        row.status,
        std::string(R"({"c":"FORBIDDEN","r":")") + row.reason + R"("})"};
    rig.net.answers = {answer, answer};
    REQUIRE(rig.reach(SMState::Waiting));
    CHECK(rig.error.code == row.error);
    const uint32_t wait = rig.connection.retryInMs(rig.now);
    CHECK(wait >= 3600000);
    CHECK(wait <= 3600000 + 225000);
    // Losing Wi-Fi meanwhile must not shorten it.
    rig.net.wifi = false;
    rig.step(10);
    rig.net.wifi = true;
    rig.step(10);
    CHECK(rig.connection.state() == SMState::Waiting);
    CHECK(rig.net.requests.size() == 1);
    REQUIRE(rig.afterWait(SMState::Waiting));
    CHECK(rig.net.requests.size() == 2);
  }
}

TEST_CASE("a token that HTTP no longer takes is replaced with the key") {
  for (const char* reason : {"expired", "superseded", "bad_credential"}) {
    Rig rig;
    rig.net.answers = {
        {200, R"({"c":"OK","t":"old","u":"user.1","x":1000})"},
        {401, std::string(R"({"c":"FORBIDDEN","r":")") + reason + R"("})"}};
    REQUIRE(rig.afterWait(SMState::Online));
    CHECK(rig.request(1) == "/mqtt old");
    CHECK(rig.request(2) == kAskToken + kKey);
  }
}

TEST_CASE("a server that always refuses fresh tokens is not hammered") {
  Rig rig;
  for (int i = 0; i < 8; ++i) {
    rig.net.answers.push_back(
        {200, R"({"c":"OK","t":"fresh","u":"user.1","x":1000})"});
    rig.net.answers.push_back({401, R"({"c":"FORBIDDEN","r":"expired"})"});
  }
  uint32_t step = 1000;
  for (int i = 0; i < 8; ++i) {
    REQUIRE(rig.reach(SMState::Waiting));
    CHECK(rig.connection.retryInMs(rig.now) == rig.random % (step + 1));
    step *= 2;
    rig.step(rig.connection.retryInMs(rig.now));
  }
}

TEST_CASE("answers that are not the protocol's are an error with backoff") {
  for (const FakeTransport::Answer& bad :
       std::initializer_list<FakeTransport::Answer>{
           {200, "<html>"},
           {200, ""},
           {200, "{}"},
           {404, "x"},
           {-11, ""},
           {302, ""},
           {200, std::string(5000, ' ')}}) {
    Rig rig;
    rig.net.answers = {bad};
    REQUIRE(rig.reach(SMState::Waiting));
    CHECK(rig.error.code ==
          (bad.status < 0 ? SMError::HttpUnreachable : SMError::BadAnswer));
    CHECK(rig.connection.retryInMs(rig.now) == rig.random % 1001);
  }
}

TEST_CASE("a wait, and the time of an answer, count from the end of the call") {
  Rig rig;
  rig.net.callMs = 5000;
  rig.net.httpError = {SMError::HttpUnreachable, 0};
  REQUIRE(rig.reach(SMState::Waiting));
  CHECK(rig.connection.retryInMs(rig.now) == rig.random % 1001);
  rig.net.httpError = {};
  rig.step(1000);
  REQUIRE(rig.reach(SMState::RequestingAddress));
  CHECK(rig.connection.now(rig.now) == 1795444532);
}

TEST_CASE("renewal: at 80 % of the life, with the token, then a reconnect") {
  Rig rig;
  rig.now = 0xFFFFFFFFull - 5000;
  REQUIRE(rig.reach(SMState::Online));
  rig.step(799999);
  CHECK(rig.net.requests.size() == 2);
  rig.idle = false;
  rig.step(1);
  for (int i = 0; i < 10; ++i) rig.step();
  CHECK(rig.request(2) == kAskToken + "token1");
  CHECK(rig.net.up);  // it stays connected while it is busy
  CHECK(rig.net.passwords.size() == 1);
  rig.idle = true;
  rig.step();
  REQUIRE(rig.reach(SMState::Online));
  CHECK(rig.net.passwords == std::vector<std::string>{"token1", "token2"});
  CHECK(rig.counters.disconnects == 0);
  rig.step(799000);
  CHECK(rig.net.requests.size() == 3);
  rig.step(1000);
  for (int i = 0; i < 10; ++i) rig.step();
  CHECK(rig.request(3) == kAskToken + "token2");
}

TEST_CASE("after a reboot a stored token is renewed within its whole life") {
  {
    Rig rig;
    REQUIRE(rig.reach(SMState::Online));
  }
  Rig rig(false, false);
  REQUIRE(rig.reach(SMState::Online));
  rig.step(799999);
  CHECK(rig.net.requests.empty());
  rig.step(1);
  for (int i = 0; i < 10; ++i) rig.step();
  CHECK(rig.request(0) == kAskToken + "token1");
}

TEST_CASE("a renewal that fails leaves the connection alone") {
  Rig rig;
  REQUIRE(rig.reach(SMState::Online));
  rig.net.answers = {
      {503, "", 100}, {500, ""}, {403, R"({"c":"FORBIDDEN","r":"revoked"})"}};
  rig.random = 0;
  rig.step(800000);
  for (int i = 0; i < 10; ++i) rig.step();
  CHECK(rig.net.requests.size() == 3);
  CHECK(rig.connection.online());
  CHECK(rig.error.code == SMError::ServerFault);
  rig.step(99999);
  CHECK(rig.net.requests.size() == 3);
  rig.step(1);
  for (int i = 0; i < 10; ++i) rig.step();
  CHECK(rig.net.requests.size() == 4);
  rig.step(16000);  // a 32nd of the life, or half of that
  for (int i = 0; i < 10; ++i) rig.step();
  CHECK(rig.net.requests.size() == 5);
  CHECK(rig.error.code == SMError::Revoked);
  rig.step(299999);
  for (int i = 0; i < 10; ++i) rig.step();
  CHECK(rig.net.requests.size() == 5);
  CHECK(rig.connection.online());
  CHECK(rig.net.passwords.size() == 1);
}

TEST_CASE("a renewal whose token is refused asks with the key at once") {
  Rig rig;
  REQUIRE(rig.reach(SMState::Online));
  rig.net.answers = {{401, R"({"c":"FORBIDDEN","r":"superseded"})"}};
  rig.step(800000);
  for (int i = 0; i < 20; ++i) rig.step();
  CHECK(rig.request(2) == kAskToken + "token1");
  CHECK(rig.request(3) == kAskToken + kKey);
  CHECK(rig.net.passwords == std::vector<std::string>{"token1", "token2"});
}

TEST_CASE("losing Wi-Fi closes everything; coming back is spread out") {
  Rig rig;
  REQUIRE(rig.reach(SMState::Online));
  rig.step(SMSERVER_STABLE_MS);
  rig.net.wifi = false;
  rig.step();
  CHECK(rig.connection.state() == SMState::WaitingForWifi);
  CHECK(rig.error.code == SMError::WifiLost);
  CHECK(!rig.net.mqttOpen);
  rig.net.wifi = true;
  rig.random = 300;
  rig.step();
  CHECK(rig.connection.retryInMs(rig.now) == 300);
  REQUIRE(rig.afterWait(SMState::Online));
  CHECK(rig.net.requests.size() == 2);
}

TEST_CASE("a renewal that is cut off by the network is done afterwards") {
  for (bool wifi : {true, false}) {
    Rig rig;
    REQUIRE(rig.reach(SMState::Online));
    rig.step(SMSERVER_STABLE_MS);
    rig.connection.renewNow();
    rig.step();  // the name is looked up
    rig.step();
    if (wifi) {
      rig.net.wifi = false;
    } else {
      rig.net.up = false;
    }
    rig.step();
    CHECK(!rig.connection.online());
    CHECK(!rig.net.httpOpen);
    rig.net.wifi = true;
    rig.step();
    CHECK(rig.net.passwords == std::vector<std::string>{"token1"});
    REQUIRE(rig.afterWait(SMState::Online));
    for (int i = 0; i < 20; ++i) rig.step();
    CHECK(rig.request(2) == kAskToken + "token1");
    CHECK(rig.net.passwords.back() == "token2");
  }
}

TEST_CASE("TLS: the time is asked for first, without a credential") {
  Rig rig(true);
  REQUIRE(rig.reach(SMState::SettingClock));
  REQUIRE(rig.reach(SMState::Online));
  CHECK(rig.request(0) == "/mqtt -");
  CHECK(rig.request(1) == kAskToken + kKey);
  CHECK(rig.request(2) == "/mqtt token1");
  CHECK(!rig.net.both);
}

TEST_CASE("TLS: a stored time that is too old is asked for again, once") {
  {
    Rig rig(true);
    REQUIRE(rig.reach(SMState::Online));
  }
  Rig rig(true, false);
  rig.net.certFrom = 1800000000;  // renewed after the device was switched off
  rig.net.answers = {{401, "", 0, 1800000500}};
  REQUIRE(rig.reach(SMState::Online));
  CHECK(rig.net.requests == std::vector<std::string>{"/mqtt -"});
  // A time before the one that is known is not believed.
  Rig again(true, false);
  again.net.certFrom = 1800000000;
  again.net.answers = {{401, "", 0, 1700000000}};
  REQUIRE(again.reach(SMState::Waiting));
  CHECK(again.error.code == SMError::BadAnswer);
}

TEST_CASE("TLS: a certificate that is not valid at the right time backs off") {
  Rig rig(true);
  rig.net.certFrom = 1900000000;
  REQUIRE(rig.reach(SMState::Waiting));
  CHECK(rig.error.code == SMError::TlsFailed);
  CHECK(rig.error.detail == 54);
  CHECK(rig.net.requests.size() == 1);
}

TEST_CASE("TLS: one session at a time, also for renewal") {
  Rig rig(true);
  REQUIRE(rig.reach(SMState::Online));
  rig.step(800000);
  REQUIRE(rig.reach(SMState::RequestingToken));
  REQUIRE(rig.reach(SMState::Online));
  CHECK(!rig.net.both);
  CHECK(rig.net.passwords == std::vector<std::string>{"token1", "token2"});
  CHECK(rig.counters.disconnects == 0);
}

TEST_CASE("TLS is never given up because the answer offers plain text only") {
  Rig rig(true);
  rig.net.answers = {
      {401, "", 0, 1795444000},
      {200, R"({"c":"OK","t":"a","u":"user.1","x":9,"n":1795444532})"},
      {200, R"({"c":"OK","ip":"broker:1883"})"}};
  REQUIRE(rig.reach(SMState::Waiting));
  CHECK(rig.error.code == SMError::NoTlsBroker);
  CHECK(rig.net.passwords.empty());
}

TEST_CASE("a token that does not fit the store is an error") {
  Rig rig;
  REQUIRE(rig.kv.begin(64) == KVError::None);
  REQUIRE(rig.reach(SMState::Waiting));
  CHECK(rig.error.code == SMError::StorageFailed);
  CHECK(!rig.connection.registered());
}

TEST_CASE("end() closes and begin() starts over") {
  Rig rig;
  REQUIRE(rig.reach(SMState::Online));
  rig.connection.end();
  CHECK(rig.connection.state() == SMState::Stopped);
  CHECK(!rig.net.mqttOpen);
  rig.step();
  CHECK(rig.connection.state() == SMState::Stopped);
  rig.connection.begin(rig.identity);
  REQUIRE(rig.reach(SMState::Online));
}

TEST_CASE("a revoked device asks after 5 minutes, doubling to an hour") {
  Rig rig;
  rig.random = 0;
  for (int i = 0; i < 7; ++i) {
    rig.net.answers.push_back({403, R"({"c":"FORBIDDEN","r":"revoked"})"});
  }
  for (uint32_t seconds : {300, 600, 1200, 2400, 3600, 3600}) {
    REQUIRE(rig.reach(SMState::Waiting));
    CHECK(rig.error.code == SMError::Revoked);
    CHECK(rig.connection.retryInMs(rig.now) == seconds * 1000);
    rig.step(seconds * 1000);
  }
  // Never later than that, whatever the dice say.
  rig.random = 0xFFFFFFFF;
  REQUIRE(rig.reach(SMState::Waiting));
  CHECK(rig.connection.retryInMs(rig.now) <= 3600000);
  // Restored: the next refusal starts over.
  REQUIRE(rig.afterWait(SMState::Online));
  rig.net.answers = {{403, R"({"c":"FORBIDDEN","r":"revoked"})"}};
  rig.net.up = false;
  rig.net.connectErrors = {{SMError::BrokerRefused, 5}};
  rig.random = 0;
  REQUIRE(rig.afterWait(SMState::Waiting));
  REQUIRE(rig.afterWait(SMState::Waiting));
  CHECK(rig.connection.retryInMs(rig.now) == 300000);
}

TEST_CASE("a proxy's 401 and 403 keep token and key, and back off") {
  for (int status : {401, 403}) {
    for (const char* body :
         {"", "<html>Are you a robot?</html>", "{}", R"({"c":"FORBIDDEN"})",
          R"({"c":"FORBIDDEN","r":"because"})", R"({"r":"revoked"})",
          R"({"c":"X","r":"revoked"})", R"({'c':'FORBIDDEN','r':'revoked'})"}) {
      Rig rig;
      rig.net.answers = {{status, body}};
      REQUIRE(rig.reach(SMState::Waiting));
      CHECK(rig.error.code == SMError::BadAnswer);
      CHECK(rig.error.detail == status);
      CHECK(rig.connection.retryInMs(rig.now) == rig.random % 1001);
      // On the way to the broker's address, the token stays.
      Rig later;
      later.net.answers = {
          {200, R"({"c":"OK","t":"mine","u":"user.1","x":1000})"},
          {status, body}};
      REQUIRE(later.reach(SMState::Waiting));
      CHECK(later.connection.registered());
      REQUIRE(later.afterWait(SMState::Online));
      CHECK(later.net.passwords == std::vector<std::string>{"mine"});
    }
  }
}

TEST_CASE("an https host without TLS for MQTT: its own error, or plainMqtt") {
  const auto answer = [](Rig& rig) {
    rig.net.answers = {
        {401, "", 0, 1795444000},
        {200, R"({"c":"OK","t":"a","u":"user.1","x":9,"n":1795444532})"},
        {200, R"({"c":"OK","ip":"broker:1883"})"}};
  };
  Rig refusing(true);
  answer(refusing);
  REQUIRE(refusing.reach(SMState::Waiting));
  CHECK(refusing.error.code == SMError::NoTlsBroker);
  Rig plain(true);
  plain.identity.mqttTls = false;
  plain.connection.begin(plain.identity);
  answer(plain);
  REQUIRE(plain.reach(SMState::Online));
  CHECK(plain.net.passwords == std::vector<std::string>{"a"});
  CHECK(plain.error.code == SMError::None);
}

TEST_CASE("the time of records that wait is asked for once") {
  {
    Rig rig;
    REQUIRE(rig.reach(SMState::Online));
  }
  Rig rig(false, false);
  CHECK(rig.connection.now(rig.now) == 0);  // not that of the last token
  rig.wantsTime = true;
  REQUIRE(rig.reach(SMState::Online));
  CHECK(rig.net.requests == std::vector<std::string>{"/mqtt token1"});
  CHECK(rig.connection.now(rig.now) == 1795444532);
  // The time of a moment before it was known.
  CHECK(rig.connection.unixMs(rig.now, rig.now + 5000) == 1795444532000);
  // A server that is down keeps nobody from the broker.
  Rig deaf(false, false);
  deaf.wantsTime = true;
  deaf.net.httpError = {SMError::HttpUnreachable, 0};
  REQUIRE(deaf.reach(SMState::Online));
  CHECK(deaf.connection.now(deaf.now) == 0);
  deaf.net.up = false;
  REQUIRE(deaf.afterWait(SMState::Online));
  CHECK(deaf.net.requests.empty());
  CHECK(deaf.counters.httpRequests == 0);
}

TEST_CASE("a clock set by NTP after begin() is believed") {
  {
    Rig rig;
    REQUIRE(rig.reach(SMState::Online));
  }
  Rig rig(false, false);
  REQUIRE(rig.reach(SMState::Online));
  CHECK(rig.connection.now(rig.now) == 0);
  fake::systemTime = 1795500000;
  CHECK(rig.connection.now(rig.now) == 1795500000);
  CHECK(rig.connection.unixMs(rig.now, rig.now + 2500) == 1795499997500);
  fake::systemTime = 5;
}

TEST_CASE("TLS with a clock set by NTP asks nobody for the time") {
  fake::systemTime = 1795500000;
  Rig rig(true);
  rig.net.certFrom = 1795000000;
  REQUIRE(rig.reach(SMState::Online));
  CHECK(rig.request(0) == kAskToken + kKey);
  fake::systemTime = 5;
}

TEST_CASE("lastError() is clear once online") {
  Rig rig;
  rig.net.connectErrors = {{SMError::BrokerClosed, -3}};
  REQUIRE(rig.reach(SMState::Waiting));
  CHECK(rig.error.code == SMError::BrokerClosed);
  REQUIRE(rig.afterWait(SMState::Online));
  CHECK(rig.error.code == SMError::None);
}

namespace {

struct FakeErrand : Errand {
  int done_ = 0;
  int status = 0;
  SMErrorInfo error;
  std::string body;
  Connection* again = nullptr;
  const char* write(char (&path)[kPathBytes],
                    char (&json)[kBodyBytes]) override {
    strcpy(path, "/errand");
    strcpy(json, "{}");
    return "PUT";
  }
  bool done(const SMErrorInfo& what, const HttpReply& reply,
            const char* text) override {
    ++done_;
    error = what;
    status = reply.status;
    body.assign(text, reply.length);
    if (again != nullptr) again->run(this);
    again = nullptr;
    return status == 401;
  }
};

}  // namespace

TEST_CASE("an errand is run with the token, and the device stays online") {
  Rig rig;
  FakeErrand errand;
  rig.connection.run(&errand);  // before there is a token
  rig.net.answers = {{200, R"({"c":"OK","t":"t1","u":"user.1","x":1000})"},
                     {200, R"({"c":"OK","ip":"broker:1883"})"},
                     {200, R"({"c":"OK"})"}};
  REQUIRE(rig.reach(SMState::Online));
  CHECK(rig.request(2) == "/errand t1");
  CHECK(errand.done_ == 1);
  CHECK(errand.error.code == SMError::None);
  CHECK(errand.body == R"({"c":"OK"})");
  CHECK(!rig.connection.running());
  // Online, one that starts the next.
  errand.again = &rig.connection;
  rig.net.answers = {{403, R"({"c":"FORBIDDEN","r":"wrong_device"})"},
                     {409, R"({"c":"ERROR","r":"conflict"})"}};
  rig.connection.run(&errand);
  for (int i = 0; i < 20; ++i) rig.step();
  CHECK(errand.done_ == 3);
  CHECK(errand.error.code == SMError::None);
  CHECK(errand.status == 409);
  CHECK(rig.connection.online());
  CHECK(rig.net.passwords.size() == 1);
  // The server is down.
  rig.connection.run(&errand);
  rig.net.httpError = {SMError::HttpUnreachable, 0};
  for (int i = 0; i < 20; ++i) rig.step();
  CHECK(errand.done_ == 4);
  CHECK(errand.error.code == SMError::HttpUnreachable);
  CHECK(rig.connection.online());
}

TEST_CASE("an errand whose token is refused has the token renewed") {
  Rig rig;
  REQUIRE(rig.reach(SMState::Online));
  FakeErrand errand;
  rig.net.answers = {{401, R"({"c":"FORBIDDEN","r":"expired"})"},
                     {401, R"({"c":"FORBIDDEN","r":"expired"})"}};
  rig.connection.run(&errand);
  for (int i = 0; i < 30; ++i) rig.step();
  CHECK(errand.status == 401);
  CHECK(rig.request(4) == kAskToken + kKey);
  CHECK(rig.net.passwords == std::vector<std::string>{"token1", "token2"});
}

TEST_CASE("TLS: an errand has the only session") {
  Rig rig(true);
  REQUIRE(rig.reach(SMState::Online));
  FakeErrand errand;
  rig.connection.run(&errand);
  rig.idle = false;
  for (int i = 0; i < 10; ++i) rig.step();
  CHECK(errand.done_ == 0);
  rig.idle = true;
  for (int i = 0; i < 20; ++i) rig.step();
  CHECK(errand.done_ == 1);
  REQUIRE(rig.reach(SMState::Online));
  CHECK(!rig.net.both);
}
