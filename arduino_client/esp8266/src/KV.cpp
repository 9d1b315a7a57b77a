#include "KV.h"

#include <string.h>

#include <new>

#include "internal/crc32.h"

using smserver::KvImage;
namespace kvflash = smserver::kvflash;

namespace {

constexpr size_t kChunkBytes = 64;

size_t roundUp4(size_t bytes) { return (bytes + 3) & ~size_t{3}; }

}  // namespace

KVError KV::begin(size_t bytes) {
  end();
  if (bytes < kMinBytes || bytes > kMaxBytes) return fail(KVError::BadSize);
  bytes = roundUp4(bytes);
  buffer_ = new (std::nothrow) uint8_t[bytes];
  if (buffer_ == nullptr) return fail(KVError::NoMemory);
  capacity_ = bytes;
  image_ = KvImage(buffer_, capacity_);
  sectors_ = kvflash::sectors();

  KvImage::Header header[2];
  Found found[2] = {Found::Blank, Found::Blank};
  for (uint8_t i = 0; i < sectors_.count; ++i) {
    found[i] = inspect(sectors_.sector[i], &header[i]);
    if (found[i] == Found::TooLarge || found[i] == Found::Unreadable) {
      const Found why = found[i];
      end();
      return fail(why == Found::TooLarge ? KVError::Full
                                         : KVError::FlashFailed);
    }
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
    if (load(sectors_.sector[at], header[at])) {
      active_ = at;
      sequence_ = header[at].sequence;
    } else {
      found[at] = Found::Damaged;
    }
  }
  const bool damaged = found[0] == Found::Damaged || found[1] == Found::Damaged;
  if (active_ >= 0) {
    contents_ = damaged ? KVContents::Recovered : KVContents::Loaded;
  } else {
    image_.clear();
    contents_ = damaged ? KVContents::Corrupt : KVContents::Blank;
  }
  return fail(contents_ == KVContents::Corrupt ? KVError::Corrupt
                                               : KVError::None);
}

void KV::end() {
  delete[] buffer_;
  buffer_ = nullptr;
  capacity_ = 0;
  image_ = KvImage();
  sectors_ = {{0, 0}, 0};
  sequence_ = 0;
  flashWrites_ = 0;
  active_ = -1;
  dirty_ = false;
  contents_ = KVContents::None;
  error_ = KVError::NotBegun;
}

// Checks an image in flash with a small buffer, so that two images need no
// second buffer in RAM.
KV::Found KV::inspect(uint32_t sector, KvImage::Header* header) const {
  uint32_t chunk[kChunkBytes / 4];
  uint8_t* bytes = reinterpret_cast<uint8_t*>(chunk);
  if (!kvflash::read(sector, 0, chunk, kChunkBytes)) return Found::Unreadable;
  if (!KvImage::parseHeader(bytes, smserver::kSectorBytes, header)) {
    // Zeros too: so an EEPROM file of the core's emulation on a PC begins.
    const uint32_t first = chunk[0];
    if (first != 0xFFFFFFFF && first != 0) return Found::Damaged;
    for (size_t at = 0; at < smserver::kSectorBytes; at += kChunkBytes) {
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
    crc = smserver::crc32(bytes + from, to - from, crc);
  }
  if (crc != header->crc) return Found::Damaged;
  return end <= capacity_ ? Found::Good : Found::TooLarge;
}

bool KV::load(uint32_t sector, const KvImage::Header& header) {
  const size_t bytes = KvImage::kHeaderBytes + header.usedBytes;
  if (!kvflash::read(sector, 0, reinterpret_cast<uint32_t*>(buffer_),
                     roundUp4(bytes))) {
    return false;
  }
  // A cell that was caught half erased can read differently from one time to
  // the next, so what was read now is what is checked.
  const uint32_t crc =
      smserver::crc32(buffer_ + KvImage::kHeaderBytes, header.usedBytes,
                      KvImage::headerCrc(buffer_));
  KvImage::Header again;
  return KvImage::parseHeader(buffer_, capacity_, &again) &&
         again.sequence == header.sequence && again.crc == crc &&
         image_.adopt(header.usedBytes);
}

bool KV::sameInFlash(uint32_t sector, size_t from, size_t bytes) const {
  uint32_t chunk[kChunkBytes / 4];
  while (from < bytes) {
    // `from` is a multiple of 4 and the sector is longer than any image.
    size_t step = roundUp4(bytes - from);
    if (step > kChunkBytes) step = kChunkBytes;
    if (!kvflash::read(sector, from, chunk, step)) return false;
    const size_t compare = bytes - from < step ? bytes - from : step;
    if (memcmp(chunk, buffer_ + from, compare) != 0) return false;
    from += step;
  }
  return true;
}

// Records first, header last: until the header stands the sector is no image.
bool KV::writeImage(uint32_t sector) {
  const uint32_t* words = reinterpret_cast<const uint32_t*>(buffer_);
  const size_t end = roundUp4(image_.imageBytes());
  constexpr size_t kHeader = KvImage::kHeaderBytes;
  memset(buffer_ + image_.imageBytes(), 0xFF, end - image_.imageBytes());
  ++flashWrites_;
  if (!kvflash::erase(sector)) return false;
  if (end > kHeader &&
      !kvflash::write(sector, kHeader, words + kHeader / 4, end - kHeader)) {
    return false;
  }
  return kvflash::write(sector, 0, words, kHeader) &&
         sameInFlash(sector, 0, image_.imageBytes());
}

KVError KV::commit() {
  if (buffer_ == nullptr) return fail(KVError::NotBegun);
  if (!dirty_) return fail(KVError::None);
  if (active_ >= 0) {
    // Changed and changed back: the header in RAM still tells what is stored.
    const uint32_t sector = sectors_.sector[active_];
    image_.seal(sequence_);
    if (sameInFlash(sector, 0, image_.imageBytes())) {
      dirty_ = false;
      return fail(KVError::None);
    }
  }
  const int8_t target = sectors_.count == 2 && active_ >= 0 ? 1 - active_ : 0;
  image_.seal(sequence_ + 1);
  if (!writeImage(sectors_.sector[target]) &&
      !writeImage(sectors_.sector[target])) {
    return fail(KVError::FlashFailed);
  }
  active_ = target;
  ++sequence_;
  dirty_ = false;
  contents_ = KVContents::Loaded;
  return fail(KVError::None);
}
