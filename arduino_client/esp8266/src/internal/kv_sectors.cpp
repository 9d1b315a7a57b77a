#ifndef ESP32

#include "kv_sectors.h"

#include <string.h>

#include "crc32.h"

namespace smserver {
namespace {

constexpr size_t kChunkBytes = 64;

size_t roundUp4(size_t bytes) { return (bytes + 3) & ~size_t{3}; }

}  // namespace

KVError KvSectors::open(KvImage* image, KVContents* contents) {
  sectors_ = kvflash::sectors();
  KvImage::Header header[2];
  Found found[2] = {Found::Blank, Found::Blank};
  for (uint8_t i = 0; i < sectors_.count; ++i) {
    found[i] = inspect(sectors_.sector[i], image->capacity(), &header[i]);
    if (found[i] == Found::TooLarge) return KVError::Full;
    if (found[i] == Found::Unreadable) return KVError::FlashFailed;
  }
  // The newest good image first, then the other.
  uint8_t order[2] = {0, 1};
  if (found[0] == Found::Good && found[1] == Found::Good &&
      KvImage::newer(header[1].sequence, header[0].sequence)) {
    order[0] = 1;
    order[1] = 0;
  }
  for (uint8_t i = 0; i < sectors_.count && active_ < 0; ++i) {
    const uint8_t at = order[i];
    if (found[at] != Found::Good) continue;
    if (load(sectors_.sector[at], header[at], image)) {
      active_ = static_cast<int8_t>(at);
      sequence_ = header[at].sequence;
    } else {
      found[at] = Found::Damaged;
    }
  }
  const bool damaged = found[0] == Found::Damaged || found[1] == Found::Damaged;
  if (active_ >= 0) {
    *contents = damaged ? KVContents::Recovered : KVContents::Loaded;
    return KVError::None;
  }
  image->clear();
  *contents = damaged ? KVContents::Corrupt : KVContents::Blank;
  return damaged ? KVError::Corrupt : KVError::None;
}

// Checks an image in flash with a small buffer, so that two images need no
// second buffer in RAM.
KvSectors::Found KvSectors::inspect(uint32_t sector, size_t capacity,
                                    KvImage::Header* header) const {
  uint32_t chunk[kChunkBytes / 4];
  uint8_t* bytes = reinterpret_cast<uint8_t*>(chunk);
  if (!kvflash::read(sector, 0, chunk, kChunkBytes)) return Found::Unreadable;
  if (!KvImage::parseHeader(bytes, kSectorBytes, header)) {
    // Zeros too: so an EEPROM file of the core's emulation on a PC begins.
    const uint32_t first = chunk[0];
    if (first != 0xFFFFFFFF && first != 0) return Found::Damaged;
    for (size_t at = 0; at < kSectorBytes; at += kChunkBytes) {
      if (!kvflash::read(sector, at, chunk, kChunkBytes)) {
        return Found::Unreadable;
      }
      for (const uint32_t word : chunk) {
        if (word != first) return Found::Damaged;
      }
    }
    return Found::Blank;
  }
  uint32_t crc = KvImage::headerCrc(bytes);
  const size_t end = KvImage::kHeaderBytes + header->usedBytes;
  for (size_t at = 0; at < end; at += kChunkBytes) {
    if (!kvflash::read(sector, at, chunk, kChunkBytes)) {
      return Found::Unreadable;
    }
    const size_t from = at == 0 ? KvImage::kHeaderBytes : 0;
    const size_t to = end - at < kChunkBytes ? end - at : kChunkBytes;
    crc = crc32(bytes + from, to - from, crc);
  }
  if (crc != header->crc) return Found::Damaged;
  return end <= capacity ? Found::Good : Found::TooLarge;
}

bool KvSectors::load(uint32_t sector, const KvImage::Header& header,
                     KvImage* image) const {
  const size_t bytes = KvImage::kHeaderBytes + header.usedBytes;
  if (!kvflash::read(sector, 0, reinterpret_cast<uint32_t*>(image->bytes()),
                     roundUp4(bytes))) {
    return false;
  }
  // A cell that was caught half erased can read differently from one time to
  // the next, so what was read now is what is checked.
  KvImage::Header again;
  return image->unseal(&again) && again.sequence == header.sequence;
}

bool KvSectors::sameInFlash(uint32_t sector, const KvImage& image) const {
  uint32_t chunk[kChunkBytes / 4];
  const size_t bytes = image.imageBytes();
  for (size_t from = 0; from < bytes; from += kChunkBytes) {
    // The sector is longer than any image.
    const size_t compare =
        bytes - from < kChunkBytes ? bytes - from : kChunkBytes;
    if (!kvflash::read(sector, from, chunk, roundUp4(compare))) return false;
    if (memcmp(chunk, image.bytes() + from, compare) != 0) return false;
  }
  return true;
}

// Records first, header last: until the header stands the sector is no image.
bool KvSectors::write(uint32_t sector, KvImage* image) {
  const size_t bytes = image->imageBytes();
  const size_t end = roundUp4(bytes);
  const uint32_t* words = reinterpret_cast<const uint32_t*>(image->bytes());
  constexpr size_t kHeader = KvImage::kHeaderBytes;
  memset(image->bytes() + bytes, 0xFF, end - bytes);
  ++writes_;
  if (!kvflash::erase(sector)) return false;
  if (end > kHeader &&
      !kvflash::write(sector, kHeader, words + kHeader / 4, end - kHeader)) {
    return false;
  }
  return kvflash::write(sector, 0, words, kHeader) &&
         sameInFlash(sector, *image);
}

KVError KvSectors::save(KvImage* image) {
  if (active_ >= 0) {
    // Changed and changed back: the header in RAM still tells what is stored.
    image->seal(sequence_);
    if (sameInFlash(sectors_.sector[active_], *image)) return KVError::None;
  }
  const int8_t target = sectors_.count == 2 && active_ >= 0 ? 1 - active_ : 0;
  const uint32_t sector = sectors_.sector[target];
  image->seal(sequence_ + 1);
  if (!write(sector, image) && !write(sector, image)) {
    return KVError::FlashFailed;
  }
  active_ = target;
  ++sequence_;
  return KVError::None;
}

}  // namespace smserver

#endif  // ESP32
