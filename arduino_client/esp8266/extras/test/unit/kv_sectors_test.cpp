// The key-value store in the sectors of the ESP8266.
#ifdef ESP8266

#include "kv_rig.h"

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
    CHECK(kv.isAtomic() == two);
    CHECK(fake::flash.sectors.size() == (two ? 2 : 1));
    CHECK(fake::flash.sectors.count(fake::kEepromSector) == 1);
    CHECK(fake::flash.sectors.count(fake::kEepromSector - 1) == (two ? 1 : 0));
  }
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
      byte = static_cast<uint8_t>(fake::nextRandom());
    }
    REQUIRE(kv.begin(512) == KVError::None);
    CHECK(kv.contents() == KVContents::Recovered);
    CHECK(kv.get("n", 0) == 2);
  }
}

TEST_CASE("an erase that fails is an error, and the next one succeeds") {
  Chip chip;
  KV kv;
  REQUIRE(kv.begin() == KVError::None);
  kv.set("a", 1);
  fake::flash.failErase = true;
  CHECK(kv.commit() == KVError::FlashFailed);
  fake::flash.failErase = false;
  CHECK(kv.commit() == KVError::None);
}

#endif  // ESP8266
