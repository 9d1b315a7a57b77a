// The key-value store on both chips.
#include "internal/crc32.h"
#include "kv_rig.h"

TEST_CASE("CRC-32 is that of zlib") {
  CHECK(smserver::crc32("123456789", 9) == 0xCBF43926u);
  CHECK(smserver::crc32("56789", 5, smserver::crc32("1234", 4)) == 0xCBF43926u);
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
  fake::flash.failWrite = true;
  CHECK(kv.commit() == KVError::FlashFailed);
  fake::flash.failWrite = false;
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
