#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../KVTypes.h"
#include "kv_image.h"

namespace smserver {

// The image of the key-value store as one entry of the ESP32's NVS, through
// the core's Preferences. KvSectors is its counterpart on the ESP8266.
//
// NVS replaces an entry atomically: it writes the new one, then drops the old.
// It therefore needs room for both; the usual partition of 20 KB has it.
class KvNvs {
 public:
  static constexpr char kNamespace[] = "simple-iot";
  static constexpr char kEntry[] = "kv";

  // Reads the image, or leaves an empty one: Full when it is larger than the
  // buffer, FlashFailed when NVS cannot be opened, Corrupt when it is damaged.
  KVError open(KvImage* image, KVContents* contents);
  // Writes the image unless these contents are stored already.
  KVError save(KvImage* image);
  bool isAtomic() const { return true; }
  uint32_t writes() const { return writes_; }

 private:
  uint32_t storedCrc_ = 0;
  uint32_t writes_ = 0;
  bool stored_ = false;
};

}  // namespace smserver
