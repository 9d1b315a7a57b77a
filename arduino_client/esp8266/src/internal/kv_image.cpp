#include "kv_image.h"

#include <string.h>

#include "crc32.h"

namespace smserver {
namespace {

// The header as the chips, which are little-endian, hold it.
struct Raw {
  uint32_t magic;    // "SMKV"
  uint16_t version;  // and the reserved byte
  uint16_t usedBytes;
  uint32_t sequence;
  uint32_t crc;
};
static_assert(sizeof(Raw) == KvImage::kHeaderBytes, "as it lies in flash");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "as both chips");

constexpr uint32_t kMagic = 0x564B4D53;
constexpr uint16_t kVersion = 1;

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
  Raw raw;
  memcpy(&raw, header, sizeof raw);
  out->usedBytes = raw.usedBytes;
  out->sequence = raw.sequence;
  out->crc = raw.crc;
  return raw.magic == kMagic && raw.version == kVersion &&
         kHeaderBytes + out->usedBytes <= capacity;
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
  Raw raw = {kMagic, kVersion, static_cast<uint16_t>(used_), sequence, 0};
  raw.crc = crc32(records(), used_,
                  headerCrc(reinterpret_cast<const uint8_t*>(&raw)));
  memcpy(bytes_, &raw, sizeof raw);
  return raw.crc;
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
