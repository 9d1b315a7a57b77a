#include "kv_image.h"

#include <string.h>

#include "crc32.h"

namespace smserver {
namespace {

constexpr uint8_t kMagic[4] = {'S', 'M', 'K', 'V'};
constexpr uint8_t kVersion = 1;

uint32_t read32(const uint8_t* p) {
  return p[0] | (uint32_t{p[1]} << 8) | (uint32_t{p[2]} << 16) |
         (uint32_t{p[3]} << 24);
}

void write32(uint8_t* p, uint32_t value) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<uint8_t>(value >> (8 * i));
}

size_t keyBytes(const uint8_t* record) { return record[0] & 0x1F; }
size_t valueBytes(const uint8_t* record) {
  return record[1] | (size_t{record[2]} << 8);
}
size_t recordBytes(const uint8_t* record) {
  return KvImage::kRecordBytes + keyBytes(record) + valueBytes(record);
}

// Order of a record's key against `key`, as strcmp.
int compareKey(const uint8_t* record, const char* key, size_t bytes) {
  const size_t own = keyBytes(record);
  const int order =
      memcmp(record + KvImage::kRecordBytes, key, own < bytes ? own : bytes);
  if (order != 0) return order;
  return own == bytes ? 0 : (own < bytes ? -1 : 1);
}

}  // namespace

bool KvImage::parseHeader(const uint8_t* header, size_t capacity, Header* out) {
  if (memcmp(header, kMagic, sizeof kMagic) != 0) return false;
  if (header[4] != kVersion || header[5] != 0) return false;
  out->usedBytes = header[6] | (size_t{header[7]} << 8);
  out->sequence = read32(header + 8);
  out->crc = read32(header + 12);
  return kHeaderBytes + out->usedBytes <= capacity;
}

uint32_t KvImage::headerCrc(const uint8_t* header) { return crc32(header, 12); }

bool KvImage::unseal(Header* header) {
  used_ = 0;
  return parseHeader(bytes_, capacity_, header) &&
         crc32(records(), header->usedBytes, headerCrc(bytes_)) ==
             header->crc &&
         adopt(header->usedBytes);
}

bool KvImage::adopt(size_t usedBytes) {
  const uint8_t* p = records();
  const uint8_t* const end = p + usedBytes;
  const uint8_t* last = nullptr;
  while (p < end) {
    if (static_cast<size_t>(end - p) < kRecordBytes) return false;
    const uint8_t type = p[0] >> 5;
    if (keyBytes(p) == 0 || type < 1 || type > 4) return false;
    if (static_cast<size_t>(end - p) < recordBytes(p)) return false;
    // Sorted and without doubles, or find() and put() would disagree.
    if (last != nullptr &&
        compareKey(last, reinterpret_cast<const char*>(p) + kRecordBytes,
                   keyBytes(p)) >= 0) {
      return false;
    }
    last = p;
    p += recordBytes(p);
  }
  used_ = usedBytes;
  return true;
}

uint32_t KvImage::seal(uint32_t sequence) {
  memcpy(bytes_, kMagic, sizeof kMagic);
  bytes_[4] = kVersion;
  bytes_[5] = 0;
  bytes_[6] = static_cast<uint8_t>(used_);
  bytes_[7] = static_cast<uint8_t>(used_ >> 8);
  write32(bytes_ + 8, sequence);
  const uint32_t crc = crc32(records(), used_, headerCrc(bytes_));
  write32(bytes_ + 12, crc);
  return crc;
}

uint8_t* KvImage::seek(const char* key, bool* found) const {
  const size_t bytes = strlen(key);
  uint8_t* p = records();
  *found = false;
  while (p < recordsEnd()) {
    const int order = compareKey(p, key, bytes);
    if (order >= 0) {
      *found = order == 0;
      break;
    }
    p += recordBytes(p);
  }
  return p;
}

bool KvImage::find(const char* key, Value* out) const {
  bool found;
  const uint8_t* p = seek(key, &found);
  if (!found) return false;
  out->data = p + kRecordBytes + keyBytes(p);
  out->bytes = valueBytes(p);
  out->type = static_cast<Type>(p[0] >> 5);
  return true;
}

bool KvImage::fits(const char* key, size_t bytes) const {
  bool found;
  const uint8_t* p = seek(key, &found);
  const size_t freed = found ? recordBytes(p) : 0;
  return kRecordBytes + strlen(key) + bytes <= room() + freed;
}

void KvImage::put(const char* key, Type type, const void* data, size_t bytes) {
  bool found;
  uint8_t* p = seek(key, &found);
  const size_t key_bytes = strlen(key);
  const size_t before = found ? recordBytes(p) : 0;
  const size_t after = kRecordBytes + key_bytes + bytes;
  // Only what lies behind the record moves, so `data` may not point into here.
  memmove(p + after, p + before, recordsEnd() - (p + before));
  used_ = used_ - before + after;
  p[0] = static_cast<uint8_t>(key_bytes | (static_cast<uint8_t>(type) << 5));
  p[1] = static_cast<uint8_t>(bytes);
  p[2] = static_cast<uint8_t>(bytes >> 8);
  memcpy(p + kRecordBytes, key, key_bytes);
  if (bytes > 0) memcpy(p + kRecordBytes + key_bytes, data, bytes);
}

bool KvImage::remove(const char* key) {
  bool found;
  uint8_t* p = seek(key, &found);
  if (!found) return false;
  const size_t bytes = recordBytes(p);
  memmove(p, p + bytes, recordsEnd() - (p + bytes));
  used_ -= bytes;
  return true;
}

}  // namespace smserver
