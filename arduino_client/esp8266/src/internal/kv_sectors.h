#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../KVTypes.h"
#include "kv_flash.h"
#include "kv_image.h"

namespace smserver {

// The image of the key-value store in one flash sector of the ESP8266, or in
// two that take turns. KvNvs is its counterpart on the ESP32.
class KvSectors {
 public:
  // Reads the newest good image, or leaves an empty one: Full when it is larger
  // than the buffer, FlashFailed when it cannot be read, Corrupt when there is
  // none but a damaged one.
  KVError open(KvImage* image, KVContents* contents);
  // Writes the image unless these contents are stored already.
  KVError save(KvImage* image);
  bool isAtomic() const { return sectors_.count == 2; }
  uint32_t writes() const { return writes_; }

 private:
  enum class Found : uint8_t { Blank, Good, Damaged, TooLarge, Unreadable };

  Found inspect(uint32_t sector, size_t capacity,
                KvImage::Header* header) const;
  bool load(uint32_t sector, const KvImage::Header& header,
            KvImage* image) const;
  bool sameInFlash(uint32_t sector, const KvImage& image) const;
  bool write(uint32_t sector, KvImage* image);

  SectorPair sectors_ = {{0, 0}, 0};
  uint32_t sequence_ = 0;
  uint32_t writes_ = 0;
  int8_t active_ = -1;  // index of the sector that holds the contents
};

}  // namespace smserver
