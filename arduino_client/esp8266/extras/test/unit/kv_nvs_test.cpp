// The key-value store in the NVS of the ESP32.
#ifdef ESP32

#include "kv_rig.h"

namespace {

constexpr char kEntry[] = "simple-iot/kv";

}  // namespace

TEST_CASE("the store is one entry of its own namespace") {
  Chip chip;
  fake::flash.nvs["other/token"] = {1, 2, 3};
  KV kv;
  REQUIRE(kv.begin(512) == KVError::None);
  CHECK(kv.isAtomic());
  kv.set("token", "abc");
  REQUIRE(kv.commit() == KVError::None);
  CHECK(fake::flash.nvs.size() == 2);
  CHECK(fake::flash.nvs.count(kEntry) == 1);
  CHECK(fake::flash.nvs["other/token"].size() == 3);
  CHECK(fake::flash.sectors.empty());
}

TEST_CASE("a power cut at any byte leaves the old contents") {
  cutEverywhere(fake::Layout::NoFileSystem, false,
                [](KVError begun, bool empty, KV&) {
                  CHECK(begun == KVError::None);
                  CHECK(!empty);
                });
}

TEST_CASE("a damaged entry comes up empty, says so and is replaced") {
  Chip chip;
  KV kv;
  REQUIRE(kv.begin(512) == KVError::None);
  kv.set("a", 1);
  REQUIRE(kv.commit() == KVError::None);
  const auto good = fake::flash.nvs[kEntry];
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    fake::flash.nvs[kEntry] = good;
    fake::flash.nvs[kEntry][bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    CHECK(kv.begin(512) == KVError::Corrupt);
    CHECK(kv.contents() == KVContents::Corrupt);
    CHECK(!kv.has("a"));
  }
  for (size_t bytes = 1; bytes < good.size(); ++bytes) {
    fake::flash.nvs[kEntry].assign(good.begin(), good.begin() + bytes);
    CHECK(kv.begin(512) == KVError::Corrupt);
  }
  kv.set("a", 2);
  REQUIRE(kv.commit() == KVError::None);
  REQUIRE(kv.begin(512) == KVError::None);
  CHECK(kv.get("a", 0) == 2);
}

TEST_CASE("a full NVS is an error that leaves the old contents") {
  Chip chip;
  fake::flash.nvsBytes = 256;
  KV kv;
  REQUIRE(kv.begin(1024) == KVError::None);
  kv.set("a", 1);
  REQUIRE(kv.commit() == KVError::None);
  kv.set("b", std::string(200, 'x').c_str());
  CHECK(kv.commit() == KVError::FlashFailed);
  KV again;
  REQUIRE(again.begin(1024) == KVError::None);
  CHECK(again.get("a", 0) == 1);
  CHECK(!again.has("b"));
}

#endif  // ESP32
