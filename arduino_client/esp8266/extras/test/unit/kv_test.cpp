#include "KV.h"

#include <string>
#include <vector>

#include "check.h"
#include "internal/crc32.h"
#include "test_control.h"

namespace {

// A chip with the given flash layout, blank.
struct Chip {
  fake::Uncounted scope;
  explicit Chip(fake::Layout layout = fake::Layout::SpareSector) {
    fake::flash = fake::Flash();
    fake::setLayout(layout);
  }
};

std::string text(const KV& kv, const char* key, const char* fallback = "-") {
  char out[KV::kMaxValueBytes + 1];
  kv.get(key, out, sizeof out, fallback);
  return out;
}

}  // namespace

TEST_CASE("CRC-32 is that of zlib") {
  CHECK(smserver::crc32("123456789", 9) == 0xCBF43926u);
  CHECK(smserver::crc32("56789", 5, smserver::crc32("1234", 4)) == 0xCBF43926u);
}

TEST_CASE("the second sector is free only between a file system and EEPROM") {
  using smserver::chooseSectors;
  // 4m2m: file system ends one sector before EEPROM.
  auto s = chooseSectors(0x40400000, 0x405FA000, 0x405FB000);
  CHECK(s.count == 2);
  CHECK(s.sector[0] == 0x3FB);
  CHECK(s.sector[1] == 0x3FA);
  // 1m64: the file system reaches up to EEPROM.
  s = chooseSectors(0x402EB000, 0x402FB000, 0x402FB000);
  CHECK(s.count == 1);
  CHECK(s.sector[0] == 0xFB);
  // 4m: no file system; an OTA image is staged there.
  CHECK(chooseSectors(0x405FB000, 0x405FB000, 0x405FB000).count == 1);
}

TEST_CASE("values of each type survive a restart, defaults stand in") {
  Chip chip;
  {
    KV kv;
    REQUIRE(kv.begin(1024) == KVError::None);
    CHECK(kv.contents() == KVContents::Blank);
    CHECK(kv.set("text", "hello") == KVError::None);
    CHECK(kv.set("string", String("world")) == KVError::None);
    CHECK(kv.set("int", -7) == KVError::None);
    CHECK(kv.set("big", uint64_t{0xFFFFFFFFFFFFFFFFu}) == KVError::None);
    CHECK(kv.set("yes", true) == KVError::None);
    const uint8_t bytes[] = {0, 1, 0xFF, 0};
    CHECK(kv.set("bytes", bytes, sizeof bytes) == KVError::None);
    CHECK(kv.set("empty", "") == KVError::None);
    CHECK(kv.commit() == KVError::None);
    CHECK(kv.flashWrites() == 1);
  }
  KV kv;
  REQUIRE(kv.begin(1024) == KVError::None);
  CHECK(kv.contents() == KVContents::Loaded);
  CHECK(text(kv, "text") == "hello");
  CHECK(kv.get("string", "") == "world");
  CHECK(kv.get("int", 0) == -7);
  CHECK(kv.get("big", uint64_t{0}) == 0xFFFFFFFFFFFFFFFFu);
  CHECK(kv.get("yes", false));
  uint8_t out[8] = {};
  CHECK(kv.get("bytes", out, sizeof out) == 4);
  CHECK(out[2] == 0xFF);
  CHECK(kv.has("empty"));
  CHECK(text(kv, "empty") == "");
  CHECK(kv.size("text") == 5);
  CHECK(kv.size("int") == 8);
  // Absent, or of another type.
  CHECK(text(kv, "none", "fallback") == "fallback");
  CHECK(kv.get("text", 42) == 42);
  CHECK(kv.get("int", true));
  CHECK(kv.get("int", out, sizeof out) == 0);
  CHECK(kv.get("none", "x") == "x");
}

TEST_CASE("a value that does not fit the caller's buffer is cut and says so") {
  Chip chip;
  KV kv;
  REQUIRE(kv.begin() == KVError::None);
  kv.set("k", "0123456789");
  char out[5];
  CHECK(kv.get("k", out, sizeof out) == 10);
  CHECK(std::string(out) == "0123");
  uint8_t one = 0;
  kv.set("b", "ab", 2);
  CHECK(kv.get("b", &one, 1) == 2);
  CHECK(one == 'a');
}

TEST_CASE("each error is told apart") {
  Chip chip;
  KV kv;
  CHECK(kv.set("k", "v") == KVError::NotBegun);
  CHECK(kv.commit() == KVError::NotBegun);
  CHECK(kv.lastError() == KVError::NotBegun);
  CHECK(kv.begin(63) == KVError::BadSize);
  CHECK(kv.begin(4097) == KVError::BadSize);
  CHECK(kv.set("k", "v") == KVError::NotBegun);
  REQUIRE(kv.begin(1200) == KVError::None);
  CHECK(kv.set("", "v") == KVError::BadKey);
  CHECK(kv.set(nullptr, "v") == KVError::BadKey);
  CHECK(kv.set("0123456789012345678901234567890", "v") == KVError::None);
  CHECK(kv.set("01234567890123456789012345678901", "v") == KVError::BadKey);
  const std::string longest(1024, 'x');
  CHECK(kv.set("long", (longest + "x").c_str()) == KVError::Oversized);
  CHECK(kv.set("long", longest.c_str()) == KVError::None);
  CHECK(text(kv, "long") == longest);
  CHECK(kv.set("more", longest.c_str()) == KVError::Full);
  CHECK(!kv.has("more"));
  CHECK(kv.lastError() == KVError::None);
  fake::flash.failErase = true;
  CHECK(kv.commit() == KVError::FlashFailed);
  fake::flash.failErase = false;
  CHECK(kv.commit() == KVError::None);
  KV small;
  CHECK(small.begin(512) == KVError::Full);
  CHECK(small.set("k", "v") == KVError::NotBegun);
  fake::flash.failRead = true;
  CHECK(small.begin(2048) == KVError::FlashFailed);
  CHECK(std::string(reinterpret_cast<const char*>(
            toString(KVError::Oversized))) == "oversized");
}

TEST_CASE("room() tells what still fits, to the byte") {
  Chip chip;
  KV kv;
  REQUIRE(kv.begin(64) == KVError::None);
  CHECK(kv.room() == 48);
  CHECK(kv.set("k", std::string(45, 'v').c_str()) == KVError::Full);
  CHECK(kv.set("k", std::string(44, 'v').c_str()) == KVError::None);
  CHECK(kv.room() == 0);
  CHECK(kv.set("k", std::string(44, 'w').c_str()) == KVError::None);
  CHECK(kv.set("l", "") == KVError::Full);
  CHECK(kv.remove("k"));
  CHECK(!kv.remove("k"));
  CHECK(kv.room() == 48);
  CHECK(kv.commit() == KVError::None);
}

TEST_CASE("unchanged contents cause no erase and no write") {
  Chip chip;
  KV kv;
  REQUIRE(kv.begin() == KVError::None);
  kv.set("a", 1);
  kv.set("b", "two");
  REQUIRE(kv.commit() == KVError::None);
  const size_t erases = fake::flash.erases, writes = fake::flash.writes;
  CHECK(kv.commit() == KVError::None);
  kv.set("a", 1);
  kv.set("b", "two");
  CHECK(kv.commit() == KVError::None);
  // There and back, in another order.
  kv.remove("a");
  kv.set("b", "three");
  kv.set("b", "two");
  kv.set("a", 1);
  CHECK(kv.commit() == KVError::None);
  KV again;
  REQUIRE(again.begin() == KVError::None);
  again.set("a", 1);
  CHECK(again.commit() == KVError::None);
  CHECK(fake::flash.erases == erases);
  CHECK(fake::flash.writes == writes);
}

TEST_CASE("nothing but the chosen sectors is written") {
  for (auto layout :
       {fake::Layout::SpareSector, fake::Layout::FileSystemToEeprom,
        fake::Layout::NoFileSystem}) {
    Chip chip(layout);
    KV kv;
    REQUIRE(kv.begin(4096) == KVError::None);
    for (int i = 0; i < 5; ++i) {
      kv.set("n", i);
      REQUIRE(kv.commit() == KVError::None);
    }
    const bool two = layout == fake::Layout::SpareSector;
    CHECK(kv.hasTwoImages() == two);
    CHECK(fake::flash.sectors.size() == (two ? 2 : 1));
    CHECK(fake::flash.sectors.count(fake::kEepromSector) == 1);
    CHECK(fake::flash.sectors.count(fake::kEepromSector - 1) == (two ? 1 : 0));
  }
}

TEST_CASE("changes that were not committed are gone after a restart") {
  Chip chip;
  KV kv;
  REQUIRE(kv.begin() == KVError::None);
  kv.set("a", 1);
  REQUIRE(kv.commit() == KVError::None);
  kv.set("a", 2);
  KV again;
  REQUIRE(again.begin() == KVError::None);
  CHECK(again.get("a", 0) == 1);
  again.clear();
  CHECK(!again.has("a"));
  REQUIRE(again.commit() == KVError::None);
  REQUIRE(kv.begin() == KVError::None);
  CHECK(!kv.has("a"));
}

TEST_CASE("foreign or damaged contents come up empty and say so") {
  Chip chip(fake::Layout::FileSystemToEeprom);
  fake::flash.sector(fake::kEepromSector)[17] = 0x42;
  KV kv;
  CHECK(kv.begin() == KVError::Corrupt);
  CHECK(kv.contents() == KVContents::Corrupt);
  CHECK(kv.set("a", 1) == KVError::None);
  CHECK(kv.commit() == KVError::None);
  REQUIRE(kv.begin() == KVError::None);
  // Any flipped bit of the image.
  const auto good = fake::flash.sector(fake::kEepromSector);
  for (size_t bit = 0; bit < (16 + 3 + 1 + 8) * 8; ++bit) {
    auto& bytes = fake::flash.sector(fake::kEepromSector);
    bytes = good;
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    CHECK(kv.begin() == KVError::Corrupt);
    CHECK(!kv.has("a"));
  }
}

TEST_CASE("the sequence number wraps") {
  CHECK(smserver::KvImage::newer(0, 0xFFFFFFFF));
  CHECK(smserver::KvImage::newer(0x80000000, 0x7FFFFFFF));
  CHECK(!smserver::KvImage::newer(5, 5));
}

// Cuts the power at every byte of a commit that replaces `before` by `after`,
// and hands what the next start finds to `check`.
template <typename Check>
void cutEverywhere(fake::Layout layout, bool backwards, Check check) {
  Chip chip(layout);
  KV kv;
  REQUIRE(kv.begin(512) == KVError::None);
  kv.set("token", "older");
  REQUIRE(kv.commit() == KVError::None);
  kv.set("token", "before");
  kv.set("n", 1);
  REQUIRE(kv.commit() == KVError::None);
  const fake::Flash flash = fake::flash;
  bool cut = true;
  for (long at = 0; cut; ++at) {
    fake::flash = flash;
    fake::flash.backwards = backwards;
    fake::flash.scramble = at % 2 == 0;
    REQUIRE(kv.begin(512) == KVError::None);
    fake::flash.cutAfter = at;
    kv.set("token", "after, and longer");
    kv.set("n", 2);
    const KVError error = kv.commit();
    cut = fake::flash.cut;
    CHECK((error == KVError::None) == !cut);
    fake::flash.powerUp();
    KV next;
    const KVError begun = next.begin(512);
    const std::string token = text(next, "token", "");
    const int n = next.get("n", 0);
    const bool empty = token.empty() && n == 0;
    CHECK((empty || (token == "before" && n == 1) ||
           (token == "after, and longer" && n == 2)));
    if (!cut) CHECK(n == 2);
    check(begun, empty, next);
    // And the store still works.
    next.set("n", 3);
    CHECK(next.commit() == KVError::None);
    REQUIRE(next.begin(512) == KVError::None);
    CHECK(next.get("n", 0) == 3);
  }
}

TEST_CASE("with two sectors a power cut at any byte keeps the old contents") {
  for (bool backwards : {false, true}) {
    cutEverywhere(fake::Layout::SpareSector, backwards,
                  [](KVError begun, bool empty, KV&) {
                    CHECK(begun == KVError::None);
                    CHECK(!empty);
                  });
  }
}

TEST_CASE("with one sector a power cut at any byte gives old, new or none") {
  for (bool backwards : {false, true}) {
    cutEverywhere(fake::Layout::FileSystemToEeprom, backwards,
                  [](KVError begun, bool empty, KV& kv) {
                    CHECK((begun == KVError::Corrupt ||
                           kv.contents() == KVContents::Blank) == empty);
                  });
  }
}

TEST_CASE("an interrupted erase that leaves random bits is survived") {
  Chip chip;
  KV kv;
  REQUIRE(kv.begin(512) == KVError::None);
  for (int i = 1; i <= 2; ++i) {
    kv.set("n", i);
    REQUIRE(kv.commit() == KVError::None);
  }
  for (int round = 0; round < 500; ++round) {
    for (auto& byte : fake::flash.sector(fake::kEepromSector)) {
      byte = static_cast<uint8_t>(ESP.random());
    }
    REQUIRE(kv.begin(512) == KVError::None);
    CHECK(kv.contents() == KVContents::Recovered);
    CHECK(kv.get("n", 0) == 2);
  }
}

TEST_CASE("a failed allocation is an error, not a crash") {
  Chip chip;
  fake::heap.failAt = 0;
  KV kv;
  KVError error;
  {
    fake::Counted library;
    error = kv.begin();
  }
  CHECK(error == KVError::NoMemory);
  CHECK(kv.set("a", 1) == KVError::NotBegun);
  CHECK(kv.begin() == KVError::None);
}
