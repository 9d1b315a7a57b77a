// The pure parts: times, rings, names, answers, echoes, subscriptions.
#include <string>

#include "Arduino.h"
#include "SMResult.h"
#include "SMServerTypes.h"
#include "check.h"
#include "internal/answers.h"
#include "internal/byte_ring.h"
#include "internal/echo.h"
#include "internal/identity.h"
#include "internal/subscriptions.h"
#include "internal/timing.h"
#include "test_control.h"

using namespace smserver;

TEST_CASE("uptime goes on across the wrap of millis()") {
  Uptime uptime;
  fake::setMillis(0xFFFFFF00);
  uptime.begin();
  fake::setMillis(0xFFFFFFFF);
  CHECK(uptime.ms() == 0xFF);
  fake::setMillis(0x00000100);
  CHECK(uptime.ms() == 0x200);
  // Twice around, looked at once a day.
  for (int day = 0; day < 100; ++day) {
    fake::advance(86400000);
    uptime.ms();
  }
  CHECK(uptime.ms() == 0x200 + 100ull * 86400000);
}

TEST_CASE("backoff doubles from 1 s to 5 min, with full jitter") {
  Backoff backoff;
  uint32_t step = 1000;
  for (int i = 0; i < 40; ++i) {
    CHECK(backoff.stepMs() == step);
    CHECK(backoff.next(step) == step);  // the whole step is possible
    step = step * 2 < 300000 ? step * 2 : 300000;
  }
  CHECK(backoff.next(300001) == 0);  // and so is nothing
  backoff.reset();
  CHECK(backoff.stepMs() == 1000);
}

TEST_CASE("renewal is due at 80 % of a lifetime, also of a very long one") {
  CHECK(renewAfterMs(1209600) == 967680000);
  CHECK(renewAfterMs(0xFFFFFFFF) == 0xFFFFFFFFull * 800);
}

TEST_CASE("the clock runs with the uptime") {
  WallClock clock;
  CHECK(clock.unixS(5000) == 0);
  clock.set(1795444532, 10000, WallClock::Source::Server);
  CHECK(clock.unixS(10000) == 1795444532);
  CHECK(clock.unixS(70000) == 1795444592);
  CHECK(clock.unixMs(9999) == 1795444531999);
  CHECK(clock.trusted());
}

TEST_CASE("a ring keeps order, and takes what fits") {
  ByteRing ring;
  REQUIRE(ring.begin(20));
  CHECK(ring.push("abcde", 5, nullptr, 0));
  CHECK(ring.push("fg", 2, "hij", 3));
  CHECK(ring.count() == 2);
  CHECK(!ring.push("klmno", 5, nullptr, 0));
  CHECK(ring.canHold(5));
  CHECK(!ring.hasRoom(5));
  char out[8] = {};
  ring.readFront(0, out, sizeof out);
  CHECK(std::string(out) == "abcde");
  ring.pop();
  CHECK(ring.push("klmno", 5, nullptr, 0));
  ring.readFront(2, out, 2);
  CHECK(std::string(out, 2) == "hi");
  CHECK(ring.canHold(18));
  CHECK(!ring.canHold(19));
  // Around the edge many times.
  for (int i = 0; i < 1000; ++i) {
    const std::string text = std::to_string(i);
    while (!ring.hasRoom(text.size())) ring.pop();
    REQUIRE(ring.push(text.data(), text.size(), nullptr, 0));
    while (ring.count() > 1) ring.pop();
    char last[8] = {};
    ring.readFront(0, last, sizeof last);
    REQUIRE(std::string(last) == text);
  }
  ring.pop();
  ring.pop();
  CHECK(ring.empty());
  ByteRing none;
  REQUIRE(none.begin(0));
  CHECK(!none.push("x", 1, nullptr, 0));
}

TEST_CASE("a ring's second view moves on, back, and along with the front") {
  ByteRing ring;
  REQUIRE(ring.begin(100));
  CHECK(ring.atEnd());
  for (const char* text : {"one", "two", "three"}) {
    ring.push(text, strlen(text) + 1, nullptr, 0);
  }
  const auto current = [&] {
    char out[8] = {};
    ring.readCurrent(0, out, sizeof out);
    return std::string(out);
  };
  CHECK(current() == "one");
  ring.advance();
  CHECK(current() == "two");
  ring.writeCurrent(0, 'T');
  ring.pop();
  CHECK(current() == "Two");
  CHECK(ring.passed() == 0);
  ring.pop();  // the current itself
  CHECK(current() == "three");
  ring.advance();
  CHECK(ring.atEnd());
  ring.advance();
  CHECK(ring.passed() == 1);
  ring.push("four", 5, nullptr, 0);
  CHECK(current() == "four");
  ring.rewind();
  CHECK(current() == "three");
}

TEST_CASE("UUIDs are taken in any case and kept in lower case") {
  char out[kUuidBytes];
  CHECK(parseUuid("6BA7B810-9DAD-11D1-80B4-00C04FD430C8", out));
  CHECK(std::string(out) == "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  for (const char* bad : {"", "6ba7b810-9dad-11d1-80b4-00c04fd430c",
                          "6ba7b810-9dad-11d1-80b4-00c04fd430c88",
                          "6ba7b8109dad-11d1-80b4-00c04fd430c8a",
                          "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
                          "00000000-0000-0000-0000-000000000000",
                          "FFFFFFFF-ffff-ffff-ffff-ffffffffffff"}) {
    CHECK_MESSAGE(!parseUuid(bad, out), bad);
  }
  CHECK(!parseUuid(nullptr, out));
}

TEST_CASE("hosts come with or without scheme and port") {
  Endpoint e;
  CHECK(parseHost("example.net", false, &e));
  CHECK((std::string(e.host) == "example.net" && e.port == 80 && !e.tls));
  CHECK(parseHost("example.net", true, &e));
  CHECK((e.port == 443 && e.tls));
  CHECK(parseHost("http://10.0.0.1:8080/", true, &e));
  CHECK((std::string(e.host) == "10.0.0.1" && e.port == 8080 && !e.tls));
  CHECK(parseHost("https://[2001:db8::1]:8443", false, &e));
  CHECK((std::string(e.host) == "2001:db8::1" && e.port == 8443 && e.tls));
  for (const char* bad : {"", "http://", "a b", "host:", "host:0", "host:65536",
                          "host:1x", "host/path", "user@host", "[::1", "[]:1",
                          "host:123456", "a\r\nb", "ftp://host"}) {
    CHECK_MESSAGE(!parseHost(bad, false, &e), bad);
  }
  CHECK(!parseHost(std::string(96, 'a').c_str(), false, &e));
  CHECK(parseHost(std::string(95, 'a').c_str(), false, &e));
  CHECK(!parseHost(nullptr, false, &e));
  CHECK(!parseAddress("host", 4, false, &e));
  CHECK(parseAddress("host:1883", 9, true, &e));
  CHECK((e.port == 1883 && e.tls));
}

TEST_CASE("credentials that would break a header line are refused") {
  CHECK(isCredential("abc-_.~", 10));
  for (const char* bad : {"", "a b", "a\r\nX: y", "a\tb", "caf\xC3\xA9"}) {
    CHECK(!isCredential(bad, 100));
  }
  CHECK(isCredential("1234", 4));
  CHECK(!isCredential("12345", 4));
  CHECK(!isCredential(nullptr, 4));
}

static bool token(const std::string& body, TokenAnswer* out) {
  return parseToken(body.data(), body.size(), out);
}

TEST_CASE("a token answer is taken whole or not at all") {
  TokenAnswer a;
  CHECK(token(
      R"({"c":"OK","t":"aa.bb.cc","u":"id.1","x":1209600,"n":1795444532})",
      &a));
  CHECK(std::string(a.token) == "aa.bb.cc");
  CHECK(std::string(a.user) == "id.1");
  CHECK(a.lifetimeS == 1209600);
  CHECK(a.nowS == 1795444532);
  CHECK(token(R"({"c":"OK","t":"a","u":"b"})", &a));
  CHECK((a.lifetimeS == 0 && a.nowS == 0));
  CHECK(token(R"({"c":"OK","t":"a","u":"b","x":-5,"n":"soon"})", &a));
  CHECK((a.lifetimeS == 0 && a.nowS == 0));
  for (const std::string& bad : {
           std::string(""),
           std::string("null"),
           std::string("[]"),
           std::string("<html>"),
           std::string(R"({"c":"OK"})"),
           std::string(R"({"c":"OK","t":"a"})"),
           std::string(R"({"c":"ERROR","t":"a","u":"b"})"),
           std::string(R"({"c":1,"t":"a","u":"b"})"),
           std::string(R"({"c":"OK","t":5,"u":"b"})"),
           std::string(R"({"c":"OK","t":"a\r\nb","u":"b"})"),
           std::string(R"({"c":"OK","t":"","u":"b"})"),
           std::string(R"({"c":"OK","t":"a","u":"b")"),
           R"({"c":"OK","t":")" + std::string(512, 'a') + R"(","u":"b"})",
           R"({"c":"OK","t":"a","u":")" + std::string(64, 'b') + R"("})",
       }) {
    CHECK_MESSAGE(!token(bad, &a), bad);
  }
}

TEST_CASE("an address answer needs one place that can be used") {
  AddressAnswer a;
  const auto parse = [&](const std::string& body) {
    return parseAddresses(body.data(), body.size(), &a);
  };
  CHECK(parse(R"({"c":"OK","ip":"gateway.example.net:12345"})"));
  CHECK(std::string(a.plain.host) == "gateway.example.net");
  CHECK(a.plain.port == 12345);
  CHECK(a.secure.port == 0);
  CHECK(parse(R"({"c":"OK","ip":"[::1]:1","tls":"b:8883"})"));
  CHECK((a.secure.port == 8883 && a.secure.tls));
  CHECK(parse(R"({"c":"OK","tls":"b:8883"})"));
  for (const char* bad :
       {"{}", R"({"c":"OK"})", R"({"c":"OK","ip":"host"})",
        R"({"c":"OK","ip":":1"})", R"({"c":"OK","ip":"a:99999"})",
        R"({"c":"OK","ip":"a:1","tls":"b"})", R"({"c":"NO","ip":"a:1"})"}) {
    CHECK_MESSAGE(!parse(bad), bad);
  }
}

TEST_CASE("each refusal has its remedy") {
  struct Row {
    int status;
    const char* reason;
    bool withToken;
    SMError error;
    Remedy remedy;
  };
  for (const Row& row : std::initializer_list<Row>{
           {401, "expired", true, SMError::BadCredential, Remedy::AskWithKey},
           {401, "superseded", true, SMError::BadCredential,
            Remedy::AskWithKey},
           {401, "bad_credential", true, SMError::BadCredential,
            Remedy::AskWithKey},
           {401, "bad_credential", false, SMError::BadCredential,
            Remedy::WaitLong},
           {401, "no_credential", false, SMError::BadCredential,
            Remedy::WaitLong},
           {403, "revoked", false, SMError::Revoked, Remedy::WaitRevoked},
           {403, "revoked", true, SMError::Revoked, Remedy::WaitRevoked},
           {403, "wrong_role", false, SMError::WrongRole, Remedy::WaitLong},
           {403, "wrong_device", true, SMError::BadCredential,
            Remedy::AskWithKey},
           {401, "", true, SMError::BadAnswer, Remedy::BackOff},
           {403, "", false, SMError::BadAnswer, Remedy::BackOff},
           {403, "expired", false, SMError::BadAnswer, Remedy::BackOff},
           {401, "revoked", false, SMError::BadAnswer, Remedy::BackOff},
           {409, "conflict", true, SMError::Conflict, Remedy::BackOff},
           {403, "pending", false, SMError::Pending, Remedy::WaitAsTold},
           {403, "unknown_device", false, SMError::UnknownDevice,
            Remedy::WaitAsTold},
           {429, "rate_limited", false, SMError::RateLimited,
            Remedy::WaitAsTold},
           {503, "unavailable", false, SMError::ServerFault,
            Remedy::WaitAsTold},
           {500, "internal", false, SMError::ServerFault, Remedy::BackOff},
           {502, "", false, SMError::ServerFault, Remedy::BackOff},
           {400, "bad_request", false, SMError::BadAnswer, Remedy::BackOff},
           {404, "not_found", false, SMError::BadAnswer, Remedy::BackOff},
           {301, "", false, SMError::BadAnswer, Remedy::BackOff},
       }) {
    const std::string body =
        std::string(R"({"c":"FORBIDDEN","r":")") + row.reason + R"("})";
    const Refusal got =
        parseRefusal(row.status, body.data(), body.size(), row.withToken);
    INFO(row.status, " ", row.reason);
    CHECK(got.error == row.error);
    CHECK(got.remedy == row.remedy);
  }
  const Refusal html = parseRefusal(403, "<html>", 6, false);
  CHECK(html.error == SMError::BadAnswer);
  CHECK(html.remedy == Remedy::BackOff);
}

TEST_CASE("Retry-After is taken in seconds, up to a day") {
  CHECK(parseRetryAfter("120") == 120);
  CHECK(parseRetryAfter("0") == 0);
  CHECK(parseRetryAfter("99999999999999999999") == 86400);
  for (const char* bad : {"", "-5", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT"}) {
    CHECK(parseRetryAfter(bad) == 0);
  }
}

TEST_CASE("the Date header is read") {
  CHECK(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777);
  CHECK(parseHttpDate("Thu, 01 Jan 1970 00:00:00 GMT") == 0);
  CHECK(parseHttpDate("Thu, 29 Feb 2024 23:59:59 GMT") == 1709251199);
  CHECK(parseHttpDate("Mon, 23 Nov 2026 21:17:42 GMT") == 1795468662);
  for (const char* bad :
       {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 0a Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT"}) {
    CHECK(parseHttpDate(bad) == 0);
  }
}

TEST_CASE("own messages are recognised once each") {
  EchoFilter echo;
  echo.sent("t", "a", 1, 1000);
  echo.sent("t", "a", 1, 1001);
  CHECK(!echo.isOwn("u", "a", 1, 1010));
  CHECK(!echo.isOwn("t", "b", 1, 1010));
  CHECK(echo.isOwn("t", "a", 1, 1010));
  CHECK(echo.isOwn("t", "a", 1, 1010));
  CHECK(!echo.isOwn("t", "a", 1, 1010));
  echo.sent("t", "late", 4, 0xFFFFFFF0);
  CHECK(echo.isOwn("t", "late", 4, 0x10));
  echo.sent("t", "late", 4, 0);
  CHECK(!echo.isOwn("t", "late", 4, SMSERVER_ECHO_MS + 1));
}

TEST_CASE("with a broker that does not echo, equal messages are others'") {
  EchoFilter echo;
  echo.sent("t", "a", 1, 0);
  echo.learn(false);
  CHECK(!echo.isOwn("t", "a", 1, 1));
}

TEST_CASE("subscriptions are asked for once, refused ones again later") {
  Subscriptions subs;
  subs.begin("me", true);
  REQUIRE(subs.addLink("11111111-1111-1111-1111-111111111111"));
  REQUIRE(subs.addLink("11111111-1111-1111-1111-111111111111"));
  char topic[kTopicBytes];
  const char* wanted[] = {"device/me/ping", "device/me/command",
                          "device/me/ack", "device/me/master",
                          "device/11111111-1111-1111-1111-111111111111/master"};
  for (uint16_t i = 0; i < 5; ++i) {
    const int index = subs.due(0, topic);
    REQUIRE(index == i);
    CHECK(std::string(topic) == wanted[i]);
    subs.sent(index, static_cast<uint16_t>(10 + i), 0);
  }
  CHECK(subs.due(0, topic) == -1);
  CHECK(subs.acknowledged(10, true, 5) == 0);
  CHECK(subs.acknowledged(10, true, 5) == -1);
  CHECK(subs.acknowledged(11, true, 5) == 1);
  CHECK(subs.acknowledged(12, true, 5) == 2);
  CHECK(subs.acknowledged(13, true, 5) == 3);
  CHECK(!subs.refused(wanted[4]));
  CHECK(subs.acknowledged(14, false, 5) == 4);
  CHECK(subs.refused(wanted[4]));
  CHECK(!subs.refused(wanted[3]));
  CHECK(!subs.refused("device/other/master"));
  CHECK(subs.granted(Subscriptions::Topic::Ping));
  CHECK(subs.due(5 + SMSERVER_LINK_RETRY_MS - 1, topic) == -1);
  CHECK(subs.due(5 + SMSERVER_LINK_RETRY_MS, topic) == 4);
  subs.sent(4, 20, 100000);
  CHECK(subs.due(100001, topic) == -1);
  CHECK(subs.due(110000, topic) == 4);  // no SUBACK came
  subs.sent(4, 21, 110000);
  CHECK(subs.acknowledged(20, true, 110001) == -1);
  CHECK(subs.acknowledged(21, true, 110001) == 4);
  CHECK(subs.due(110001 + SMSERVER_LINK_REFRESH_MS, topic) == 4);
  // One's own topics are not refused for long; acknowledgements may be.
  subs.sent(0, 30, 200000);
  subs.sent(2, 32, 200000);
  CHECK(subs.acknowledged(30, false, 200000) == 0);
  CHECK(subs.acknowledged(32, false, 200000) == 2);
  CHECK(subs.due(200000 + SMSERVER_OWN_RETRY_MS, topic) == 0);
  subs.sent(0, 31, 205000);
  CHECK(subs.acknowledged(31, true, 205000) == 0);
  CHECK(subs.due(205001, topic) == -1);
  CHECK(subs.due(200000 + SMSERVER_LINK_RETRY_MS, topic) == 2);
  CHECK(subs.classify("device/me/ping") == Subscriptions::Topic::Ping);
  CHECK(subs.classify("device/me/ack") == Subscriptions::Topic::Ack);
  CHECK(subs.classify("device/me/master") == Subscriptions::Topic::Link);
  CHECK(subs.classify(wanted[4]) == Subscriptions::Topic::Link);
  CHECK(subs.classify("device/me/pin") == Subscriptions::Topic::Foreign);
  CHECK(subs.removeLink("11111111-1111-1111-1111-111111111111"));
  CHECK(!subs.removeLink("11111111-1111-1111-1111-111111111111"));
  CHECK(subs.classify(wanted[4]) == Subscriptions::Topic::Foreign);
}

TEST_CASE("without numbered records nobody listens to acknowledgements") {
  Subscriptions subs;
  subs.begin("me", false);
  char topic[kTopicBytes];
  uint16_t asked = 0;
  for (int index; (index = subs.due(0, topic)) >= 0; ++asked) {
    CHECK(std::string(topic) != "device/me/ack");
    subs.sent(index, ++asked, 0);
  }
  CHECK(asked > 2);
}

TEST_CASE("links are limited in number") {
  Subscriptions subs;
  for (int i = 0; i < SMSERVER_MAX_LINKS; ++i) {
    CHECK(subs.addLink((std::to_string(i) + "-uuid").c_str()));
  }
  CHECK(!subs.addLink("one more"));
}

TEST_CASE("results become replies, and what cannot says why") {
  char out[400];
  const auto reply = [&](const SMResult& result) {
    return std::string(out, result.writeReply("k3V9x2", out, sizeof out));
  };
  CHECK(reply(SMResult::ok()) == R"({"i":"k3V9x2","c":"OK"})");
  CHECK(reply(SMResult::ok(R"({"led":true})")) ==
        R"({"i":"k3V9x2","c":"OK","r":{"led":true}})");
  JsonDocument doc;
  doc["n"] = 5;
  CHECK(reply(SMResult::ok(doc)) == R"({"i":"k3V9x2","c":"OK","r":{"n":5}})");
  CHECK(reply(SMResult::error("no \"such\" \\ thing\n")) ==
        R"({"i":"k3V9x2","c":"ERROR","m":"no 'such' ' thing "})");
  CHECK(reply(SMResult::ok("{broken")) ==
        R"({"i":"k3V9x2","c":"ERROR","m":"result is not JSON"})");
  // ArduinoJson's parser takes all of these.
  for (const char* lenient :
       {"{'led':true}", "{led:true}", "{\"led\":true} trailing",
        "{\"led\":\"\xC3\"}", "{\"led\":1,}", "[1,]", "NaN", "01", "/**/1"}) {
    CHECK_MESSAGE(!SMResult::ok(lenient).isOk(), lenient);
  }
  CHECK(reply(SMResult::error("caf\xE9")) ==
        R"({"i":"k3V9x2","c":"ERROR","m":"caf?"})");
  const std::string longest = "\"" + std::string(254, 'x') + "\"";
  CHECK(reply(SMResult::ok(longest.c_str())).find("256 bytes") !=
        std::string::npos);
  CHECK(SMResult::ok(longest.c_str() + 1).isOk() == false);
  const std::string fits = "\"" + std::string(253, 'x') + "\"";
  CHECK(SMResult::ok(fits.c_str()).isOk());
  // Cut between characters, not within one.
  const std::string umlauts = std::string(254, 'a') + "\xC3\xA4";
  CHECK(std::string(SMResult::error(umlauts.c_str()).text()) ==
        std::string(254, 'a'));
  CHECK(SMResult::ok().writeReply("id", out, 10) == 0);
}

TEST_CASE("every state and error has a name of its own") {
  const auto text = [](const __FlashStringHelper* t) {
    return std::string(reinterpret_cast<const char*>(t));
  };
  for (int i = 0; i <= static_cast<int>(SMState::Waiting); ++i) {
    CHECK(text(toString(static_cast<SMState>(i))) != "?");
  }
  for (int i = 0; i <= static_cast<int>(SMError::SubscribeRefused); ++i) {
    CHECK(text(toString(static_cast<SMError>(i))) != "?");
    CHECK(text(advice(static_cast<SMError>(i))) != "?");
  }
}
