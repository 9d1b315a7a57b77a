#ifdef ESP32

#include "kv_nvs.h"

#include <Preferences.h>

namespace smserver {
namespace {

// NVS keeps one image and no older one, so that the number never changes and
// equal contents have equal bytes.
constexpr uint32_t kSequence = 1;

}  // namespace

KVError KvNvs::open(KvImage* image, KVContents* contents) {
  image->clear();
  Preferences nvs;
  if (!nvs.begin(kNamespace)) return KVError::FlashFailed;
  // The core logs an error for the length of an entry that is not there.
  const size_t bytes = nvs.isKey(kEntry) ? nvs.getBytesLength(kEntry) : 0;
  if (bytes == 0) {
    *contents = KVContents::Blank;
    return KVError::None;
  }
  if (bytes > image->capacity()) return KVError::Full;
  KvImage::Header header;
  if (nvs.getBytes(kEntry, image->bytes(), bytes) != bytes ||
      !image->unseal(&header) || image->imageBytes() != bytes) {
    image->clear();
    *contents = KVContents::Corrupt;
    return KVError::Corrupt;
  }
  storedCrc_ = header.crc;
  stored_ = true;
  *contents = KVContents::Loaded;
  return KVError::None;
}

KVError KvNvs::save(KvImage* image) {
  const uint32_t crc = image->seal(kSequence);
  if (stored_ && crc == storedCrc_) return KVError::None;
  Preferences nvs;
  if (!nvs.begin(kNamespace)) return KVError::FlashFailed;
  ++writes_;
  if (nvs.putBytes(kEntry, image->bytes(), image->imageBytes()) !=
      image->imageBytes()) {
    return KVError::FlashFailed;
  }
  storedCrc_ = crc;
  stored_ = true;
  return KVError::None;
}

}  // namespace smserver

#endif  // ESP32
