// Records on their way: numbers, acknowledgements, resending, the file.
#include "internal/outbox.h"

#include <LittleFS.h>

#include <algorithm>
#include <string>
#include <vector>

#include "SMFileRing.h"
#include "check.h"
#include "internal/chip.h"
#include "test_control.h"

using namespace smserver;
using Strings = std::vector<std::string>;

namespace {

constexpr uint64_t kUnix = 1795444532000;
// A boot whose records are sent again after just the time.
constexpr uint32_t kUnspread = 0x100;

struct Rig {
  fake::Uncounted scope;
  SMCounters counters;
  SMServerOptions options;
  Outbox outbox{counters};
  SMFileRing file{LittleFS, "/records", 8192};
  uint64_t uptime = 1000;
  uint64_t unixMs = 0;  // at uptime 0; 0: not known

  explicit Rig(bool withFile = false, bool fresh = true) {
    if (fresh) {
      fake::flash = fake::Flash();
      fake::setLayout(fake::Layout::SpareSector);
      fake::setReset(fake::Reset::PowerOn);
    }
    LittleFS.begin();
    options.outboxBytes = 400;
    if (withFile) options.recordFile = &file;
  }
  SMError begin(uint32_t boot = 77) { return outbox.begin(options, boot); }
  Moment now() const { return {uptime, unixMs == 0 ? 0 : unixMs + uptime}; }
  SMError push(const std::string& json) {
    size_t needed;
    return outbox.push(json.data(), json.size(), 900, now(), &needed);
  }
  // Sends everything that is due.
  Strings drain(size_t maxBytes = 900) {
    Strings out;
    for (size_t room; (room = outbox.nextBytes()) > 0;) {
      std::vector<char> text(room);
      const size_t length = outbox.next(text.data(), maxBytes, now());
      if (length == 0) continue;
      out.push_back(std::string(text.data(), length));
      outbox.sent(now());
    }
    return out;
  }
  bool ack(uint32_t boot, uint32_t number) {
    const std::string text = "{\"b\":" + std::to_string(boot) +
                             ",\"n\":" + std::to_string(number) + "}";
    return outbox.acknowledge(text.data(), text.size(), now());
  }
};

std::string record(uint32_t boot, int number, const std::string& rest) {
  return "{\"b\":" + std::to_string(boot) + ",\"n\":" + std::to_string(number) +
         rest + "}";
}

}  // namespace

TEST_CASE("records are numbered, and kept until they are acknowledged") {
  Rig rig;
  REQUIRE(rig.begin() == SMError::None);
  CHECK(rig.push(" {\"a\":1} \n") == SMError::None);
  CHECK(rig.push("{ }") == SMError::None);
  CHECK(rig.push("{\"a\":3}") == SMError::None);
  CHECK(rig.drain() == Strings{record(77, 1, ",\"a\":1"), record(77, 2, " "),
                               record(77, 3, ",\"a\":3")});
  CHECK(rig.outbox.allSent());
  CHECK(rig.outbox.count() == 3);
  CHECK(rig.ack(77, 2));
  CHECK(rig.outbox.count() == 1);
  CHECK(rig.counters.acknowledgedTelemetry == 2);
  // Sent again after a reconnect, with the same number.
  rig.outbox.reconnected(rig.now());
  CHECK(rig.drain() == Strings{record(77, 3, ",\"a\":3")});
  CHECK(rig.ack(77, 3));
  CHECK(rig.outbox.count() == 0);
  rig.outbox.reconnected(rig.now());
  CHECK(rig.drain().empty());
  CHECK(rig.counters.sentTelemetry == 4);
  CHECK(rig.counters.acknowledgedTelemetry == 3);
  CHECK(rig.counters.droppedTelemetry == 0);
}

TEST_CASE("acknowledgements that are none change nothing") {
  Rig rig;
  REQUIRE(rig.begin() == SMError::None);
  rig.push("{\"a\":1}");
  rig.drain();
  for (const char* text :
       {"", "{}", "{\"b\":77}", "{\"n\":1}", "{\"b\":\"77\",\"n\":1}",
        "{'b':77,'n':1}", "{\"b\":77,\"n\":1} x", "{\"b\":77,\"n\":-1}",
        "{\"b\":77,\"n\":2}"}) {
    CHECK_MESSAGE(!rig.outbox.acknowledge(text, strlen(text), rig.now()), text);
  }
  CHECK(rig.ack(78, 9));  // another boot's
  CHECK(rig.outbox.count() == 1);
  CHECK(rig.ack(77, 1));
  CHECK(rig.ack(77, 0));  // late
  CHECK(rig.outbox.count() == 0);
}

TEST_CASE("what stays unacknowledged is sent again, less and less often") {
  Rig rig;
  REQUIRE(rig.begin(kUnspread) == SMError::None);
  rig.push("{\"a\":1}");
  CHECK(rig.drain().size() == 1);
  uint64_t wait = SMSERVER_RESEND_MS;
  for (int i = 0; i < 8; ++i) {
    rig.uptime += wait - 1;
    rig.outbox.step(rig.now());
    CHECK(rig.drain().empty());
    rig.uptime += 1;
    rig.outbox.step(rig.now());
    CHECK(rig.drain().size() == 1);
    wait =
        wait * 2 < SMSERVER_RESEND_MAX_MS ? wait * 2 : SMSERVER_RESEND_MAX_MS;
  }
  CHECK(wait == SMSERVER_RESEND_MAX_MS);
  // A server that is back is trusted again.
  rig.push("{\"a\":2}");
  rig.drain();
  CHECK(rig.ack(kUnspread, 1));
  rig.uptime += SMSERVER_RESEND_MS;
  rig.outbox.step(rig.now());
  CHECK(rig.drain().size() == 1);
  CHECK(rig.ack(kUnspread, 2));
  rig.uptime += 2 * SMSERVER_RESEND_MAX_MS;
  rig.outbox.step(rig.now());
  CHECK(rig.drain().empty());
}

TEST_CASE("resending is spread by up to half, by the boot's number") {
  for (const uint32_t boot : {0x100u, 0x180u, 0x1FFu}) {
    Rig rig;
    REQUIRE(rig.begin(boot) == SMError::None);
    rig.push("{\"a\":1}");
    REQUIRE(rig.drain().size() == 1);
    const uint64_t sent = rig.uptime;
    do {
      rig.uptime += 10;
      rig.outbox.step(rig.now());
    } while (rig.drain().empty());
    const uint64_t extra = rig.uptime - sent - SMSERVER_RESEND_MS;
    const uint64_t share = (boot & 0xFF) * SMSERVER_RESEND_MS / 2 / 256;
    CHECK(extra <= SMSERVER_RESEND_MS / 2);
    CHECK(extra <= share + 10);
    CHECK(extra + 160 >= share);
  }
}

TEST_CASE("acknowledgements that cover nothing more do not put resending off") {
  Rig rig;
  rig.options.outboxBytes = 2000;
  REQUIRE(rig.begin(kUnspread) == SMError::None);
  for (int i = 1; i <= 2; ++i) rig.push("{}");
  REQUIRE(rig.drain().size() == 2);
  rig.uptime += 10000;
  CHECK(rig.ack(kUnspread, 1));  // the second was lost
  // The server answers each later one so.
  for (int i = 0; i < 2; ++i) {
    rig.uptime += 10000;
    rig.push("{}");
    CHECK(rig.drain().size() == 1);
    CHECK(rig.ack(kUnspread, 1));
    rig.outbox.step(rig.now());
    CHECK(rig.drain().empty());
  }
  rig.uptime += SMSERVER_RESEND_MS - 20000;
  rig.outbox.step(rig.now());
  CHECK(rig.drain() == Strings{record(kUnspread, 2, ""),
                               record(kUnspread, 3, ""),
                               record(kUnspread, 4, "")});
  // Nor do they bring the next time nearer.
  CHECK(rig.ack(kUnspread, 1));
  rig.uptime += 2 * SMSERVER_RESEND_MS - 1;
  rig.outbox.step(rig.now());
  CHECK(rig.drain().empty());
  rig.uptime += 1;
  rig.outbox.step(rig.now());
  CHECK(rig.drain().size() == 3);
  // One that covers more starts again.
  rig.uptime += 1000;
  CHECK(rig.ack(kUnspread, 3));
  rig.uptime += SMSERVER_RESEND_MS;
  rig.outbox.step(rig.now());
  CHECK(rig.drain().size() == 1);
}

TEST_CASE("without acknowledgements a record is done with when it is sent") {
  Rig rig;
  REQUIRE(rig.begin() == SMError::None);
  rig.push("{\"a\":1}");
  rig.push("{\"a\":2}");
  rig.drain();
  CHECK(rig.outbox.count() == 2);
  rig.outbox.expectAcknowledgements(false);
  CHECK(rig.outbox.count() == 0);
  rig.push("{\"a\":3}");
  CHECK(rig.drain().size() == 1);
  CHECK(rig.outbox.count() == 0);
  // And with numbers switched off nothing is added.
  Rig plain;
  plain.options.numberTelemetry = false;
  REQUIRE(plain.begin() == SMError::None);
  plain.push("{\"a\":1}");
  CHECK(plain.drain() == Strings{"{\"a\":1}"});
  CHECK(plain.outbox.count() == 0);
}

TEST_CASE("a record with b or n of its own goes out as it is, once") {
  Rig rig;
  REQUIRE(rig.begin() == SMError::None);
  rig.push("{\"a\":1}");
  rig.push("{\"n\":2}");
  rig.push("{\"\\u0062\":3}");
  CHECK(rig.drain() ==
        Strings{record(77, 1, ",\"a\":1"), "{\"n\":2}", "{\"\\u0062\":3}"});
  rig.outbox.reconnected(rig.now());
  CHECK(rig.drain() == Strings{record(77, 1, ",\"a\":1")});
  rig.ack(77, 1);
  CHECK(rig.outbox.count() == 0);
}

TEST_CASE("what is not one JSON object is refused") {
  Rig rig;
  REQUIRE(rig.begin() == SMError::None);
  for (const char* text :
       {"", " ", "[1]", "1", "null", "{", "{'a':1}", "{a:1}", "{\"a\":1}x",
        "{\"a\":1}{}", "{\"a\":\"\xFF\"}", "{\"a\":01}", "{\"a\":1,}"}) {
    CHECK_MESSAGE(rig.push(text) == SMError::BadPayload, text);
  }
  CHECK(rig.drain().empty());
}

TEST_CASE("records that are sent late carry the time they were made") {
  Rig rig;
  REQUIRE(rig.begin() == SMError::None);
  rig.push("{\"a\":1}");
  rig.push("{}");
  rig.push("{\"ts\":5}");
  CHECK(rig.outbox.wantsTime());
  rig.uptime += 5000;
  CHECK(rig.drain() ==
        Strings{record(77, 1, ",\"a\":1"), record(77, 2, ""),
                record(77, 3, ",\"ts\":5")});  // the time is not known
  rig.outbox.reconnected(rig.now());
  rig.unixMs = kUnix;
  CHECK(rig.drain() == Strings{record(77, 1, ",\"ts\":1795444533000,\"a\":1"),
                               record(77, 2, ",\"ts\":1795444533000"),
                               record(77, 3, ",\"ts\":5")});
  // Without room for the time, better without than not at all.
  rig.outbox.reconnected(rig.now());
  CHECK(rig.drain(28).front() == record(77, 1, ",\"a\":1"));
  // What goes out at once is dated by its arrival.
  rig.push("{\"a\":4}");
  CHECK(rig.drain() == Strings{record(77, 4, ",\"a\":4")});
  Rig off;
  off.options.stampTelemetry = false;
  off.unixMs = kUnix;
  REQUIRE(off.begin() == SMError::None);
  off.push("{\"a\":1}");
  off.uptime += 5000;
  CHECK(!off.outbox.wantsTime());
  CHECK(off.drain() == Strings{record(77, 1, ",\"a\":1")});
}

TEST_CASE("a full ring drops the oldest that was not acknowledged") {
  Rig rig;
  rig.options.outboxBytes = 5 * (2 + RecordHeader::kBytes + 7);
  REQUIRE(rig.begin() == SMError::None);
  for (int i = 0; i < 8; ++i) rig.push("{\"a\":" + std::to_string(i) + "}");
  CHECK(rig.counters.droppedTelemetry == 3);
  CHECK(rig.outbox.count() == 5);
  CHECK(rig.drain().front() == record(77, 4, ",\"a\":3"));
  size_t needed;
  const std::string large = "{\"a\":\"" + std::string(200, 'x') + "\"}";
  CHECK(rig.outbox.push(large.data(), large.size(), 900, rig.now(), &needed) ==
        SMError::QueueFull);
  CHECK(rig.outbox.push(large.data(), large.size(), 100, rig.now(), &needed) ==
        SMError::TooLong);
  CHECK(needed == large.size() + strlen("\"b\":77,\"n\":9,"));
}

TEST_CASE("numbers go on after deep sleep, and after end() and begin()") {
  {
    Rig rig;
    REQUIRE(rig.begin(77) == SMError::None);
    rig.push("{}");
    rig.push("{}");
    rig.outbox.end(rig.now());
    REQUIRE(rig.begin(78) == SMError::None);
    rig.push("{}");
    CHECK(rig.drain() == Strings{record(77, 3, "")});
  }
  {
    Rig rig(false, false);
    fake::setReset(fake::Reset::DeepSleep);
    REQUIRE(rig.begin(79) == SMError::None);
    rig.push("{}");
    CHECK(rig.drain() == Strings{record(77, 4, "")});
  }
  {
    // Memory that was damaged is not believed.
    uint32_t words[chip::kKeptBytes / 4];
    REQUIRE(chip::readKept(words));
    words[2] ^= 1;
    REQUIRE(chip::writeKept(words));
    Rig rig(false, false);
    REQUIRE(rig.begin(80) == SMError::None);
    rig.push("{}");
    CHECK(rig.drain() == Strings{record(80, 1, "")});
  }
  Rig rig(false, false);
  fake::setReset(fake::Reset::Restart);
  REQUIRE(rig.begin(81) == SMError::None);
  rig.push("{}");
  CHECK(rig.drain() == Strings{record(81, 1, "")});
  fake::setReset(fake::Reset::PowerOn);
}

TEST_CASE("records in a file survive a restart, in order, with their time") {
  {
    Rig rig(true);
    rig.unixMs = kUnix;
    REQUIRE(rig.begin(5) == SMError::None);
    rig.push("{\"a\":1}");
    rig.push("{\"a\":2}");
    rig.outbox.step(rig.now());
    CHECK(fake::flash.files.empty());  // not at once
    rig.uptime += SMSERVER_SAVE_AFTER_MS;
    rig.outbox.step(rig.now());
    CHECK(!fake::flash.files.empty());
    rig.push("{\"a\":3}");
    CHECK(rig.outbox.count() == 3);
    rig.outbox.end(rig.now());
  }
  Rig rig(true, false);
  rig.unixMs = kUnix + 86400000;
  REQUIRE(rig.begin(6) == SMError::None);
  CHECK(rig.outbox.count() == 3);
  rig.push("{\"a\":4}");
  CHECK(rig.drain() == Strings{record(5, 1, ",\"ts\":1795444533000,\"a\":1"),
                               record(5, 2, ",\"ts\":1795444533000,\"a\":2"),
                               record(5, 3, ",\"ts\":1795444593000,\"a\":3"),
                               record(6, 1, ",\"a\":4")});
  CHECK(rig.outbox.allSent());
  rig.outbox.reconnected(rig.now());
  CHECK(rig.drain().size() == 4);
  CHECK(rig.ack(5, 2));
  CHECK(rig.outbox.count() == 2);
  CHECK(rig.ack(6, 1));
  CHECK(rig.outbox.count() == 1);  // each boot for itself
  CHECK(rig.ack(5, 3));
  CHECK(rig.outbox.count() == 0);
  CHECK(fake::flash.files.empty());
  CHECK(rig.counters.acknowledgedTelemetry == 4);
}

TEST_CASE("records of an earlier run whose time nobody knew have none") {
  {
    Rig rig(true);
    REQUIRE(rig.begin(5) == SMError::None);
    rig.push("{\"a\":1}");
    rig.outbox.end(rig.now());
  }
  Rig rig(true, false);
  rig.unixMs = kUnix;
  rig.uptime = 900000;
  REQUIRE(rig.begin(6) == SMError::None);
  CHECK(rig.outbox.wantsTime());
  CHECK(rig.drain() == Strings{record(5, 1, ",\"a\":1")});
  // Those of this run have, even when it became known later.
  Rig late(true);
  REQUIRE(late.begin(5) == SMError::None);
  late.push("{\"a\":1}");
  late.uptime += SMSERVER_SAVE_AFTER_MS;
  late.outbox.step(late.now());
  late.unixMs = kUnix;
  CHECK(late.drain() == Strings{record(5, 1, ",\"ts\":1795444533000,\"a\":1")});
}

TEST_CASE("a file takes what the ring has no room for, then drops the oldest") {
  Rig rig(true);
  rig.options.outboxBytes = 200;
  REQUIRE(rig.begin(5) == SMError::None);
  const std::string padding(60, 'x');
  for (int i = 1; i <= 60; ++i) {
    rig.push("{\"a\":\"" + padding + std::to_string(i) + "\"}");
  }
  CHECK(rig.outbox.count() == 60);
  CHECK(rig.counters.droppedTelemetry == 0);
  for (int i = 61; i <= 200; ++i) {
    rig.push("{\"a\":\"" + padding + std::to_string(i) + "\"}");
  }
  CHECK(rig.counters.droppedTelemetry > 0);
  CHECK(rig.outbox.count() + rig.counters.droppedTelemetry == 200);
  size_t bytes = 0;
  for (const auto& file : fake::flash.files) bytes += file.second.size();
  CHECK(bytes <= 8192);
  // In order, without a gap, up to the last.
  int number = 200 - static_cast<int>(rig.outbox.count());
  while (!rig.outbox.allSent() || rig.outbox.nextBytes() > 0) {
    for (const std::string& text : rig.drain()) {
      CHECK(text.find("\"n\":" + std::to_string(++number) + ",") !=
            std::string::npos);
    }
    CHECK(rig.ack(5, static_cast<uint32_t>(number)));
  }
  CHECK(number == 200);
  CHECK(rig.outbox.count() == 0);
  // And it goes on.
  rig.push("{\"a\":1}");
  rig.uptime += SMSERVER_SAVE_AFTER_MS;
  rig.outbox.step(rig.now());
  CHECK(rig.drain().size() == 1);
}

TEST_CASE("a file cut anywhere costs the record that was written, no other") {
  fake::Uncounted scope;
  {
    Rig rig(true);
    REQUIRE(rig.begin(5) == SMError::None);
    for (int i = 1; i <= 4; ++i) rig.push("{\"a\":" + std::to_string(i) + "}");
    rig.outbox.end(rig.now());
  }
  REQUIRE(fake::flash.files.size() == 1);
  const auto whole = *fake::flash.files.begin();
  const size_t each = (whole.second.size() - 8) / 4;
  for (size_t length = 0; length <= whole.second.size(); ++length) {
    fake::flash.files[whole.first].assign(whole.second.begin(),
                                          whole.second.begin() + length);
    Rig rig(true, false);
    REQUIRE(rig.begin(6) == SMError::None);
    const size_t good = length < 8 ? 0 : (length - 8) / each;
    CHECK(rig.outbox.count() == good);
    CHECK(rig.drain().size() == good);
    // It still takes and keeps new ones.
    rig.push("{\"b2\":1}");
    rig.outbox.end(rig.now());
    Rig again(true, false);
    REQUIRE(again.begin(7) == SMError::None);
    CHECK(again.drain().size() == good + 1);
    fake::flash.files.clear();
  }
  // A byte that changed.
  for (size_t at = 8; at < whole.second.size(); ++at) {
    fake::flash.files[whole.first] = whole.second;
    fake::flash.files[whole.first][at] ^= 0x10;
    Rig rig(true, false);
    REQUIRE(rig.begin(6) == SMError::None);
    CHECK(rig.outbox.count() == (at - 8) / each);
    fake::flash.files.clear();
  }
}

TEST_CASE("a record that was damaged in its file is not sent, the others are") {
  fake::Uncounted scope;
  Rig rig(true);
  REQUIRE(rig.begin(5) == SMError::None);
  for (int i = 1; i <= 3; ++i) rig.push("{\"a\":" + std::to_string(i) + "}");
  rig.uptime += SMSERVER_SAVE_AFTER_MS;
  rig.outbox.step(rig.now());
  REQUIRE(fake::flash.files.size() == 1);
  auto& bytes = fake::flash.files.begin()->second;
  const std::string json = "{\"a\":2}";
  const auto at =
      std::search(bytes.begin(), bytes.end(), json.begin(), json.end());
  REQUIRE(at != bytes.end());
  at[0] = '[';
  CHECK(rig.drain() ==
        Strings{record(5, 1, ",\"a\":1"), record(5, 3, ",\"a\":3")});
  CHECK(rig.ack(5, 3));
  CHECK(rig.outbox.count() == 0);
}

TEST_CASE("a file system that is full leaves the records in RAM") {
  Rig rig(true);
  fake::flash.fileBytes = 40;
  REQUIRE(rig.begin(5) == SMError::None);
  for (int i = 1; i <= 3; ++i) rig.push("{\"a\":" + std::to_string(i) + "}");
  rig.uptime += SMSERVER_SAVE_AFTER_MS;
  rig.outbox.step(rig.now());
  const Strings sent = rig.drain();
  for (int i = 1; i <= 3; ++i) {
    const std::string wanted = record(5, i, ",\"a\":" + std::to_string(i));
    CHECK(std::find(sent.begin(), sent.end(), wanted) != sent.end());
  }
  CHECK(rig.ack(5, 3));
  CHECK(rig.outbox.count() == 0);
  CHECK(rig.counters.droppedTelemetry == 0);
}

TEST_CASE("a backlog waits for acknowledgements, a window at a time") {
  Rig rig(true);
  fake::flash.fileBytes = 1048576;
  rig.options.outboxBytes = 4000;
  REQUIRE(rig.begin(5) == SMError::None);
  for (int i = 1; i <= 150; ++i) rig.push("{}");
  constexpr size_t kWindow = SMSERVER_MAX_UNACKNOWLEDGED;
  CHECK(rig.drain().size() == kWindow);
  CHECK(rig.outbox.allSent());  // for now
  CHECK(rig.ack(5, 10));
  CHECK(rig.drain().size() == 10);
  CHECK(rig.ack(5, 10 + kWindow));
  CHECK(rig.drain().size() == kWindow);
  // Nobody to wait for: all at once.
  rig.outbox.expectAcknowledgements(false);
  CHECK(rig.drain().size() == 150 - 10 - 2 * kWindow);
  CHECK(rig.outbox.count() == 0);
}
