// The half of KV that works in RAM: values, their types, and names for people.
#include <string.h>

#include "KV.h"

using smserver::KvImage;

KVError KV::check(const char* key, size_t bytes) const {
  if (buffer_ == nullptr) return KVError::NotBegun;
  if (key == nullptr || *key == '\0' || strnlen(key, 32) > kMaxKeyBytes) {
    return KVError::BadKey;
  }
  return bytes > kMaxValueBytes ? KVError::Oversized : KVError::None;
}

KVError KV::put(const char* key, KvImage::Type type, const void* data,
                size_t bytes) {
  const KVError error = check(key, bytes);
  if (error != KVError::None) return fail(error);
  KvImage::Value value;
  if (image_.find(key, &value) && value.type == type && value.bytes == bytes &&
      (bytes == 0 || memcmp(value.data, data, bytes) == 0)) {
    return fail(KVError::None);
  }
  if (!image_.fits(key, bytes)) return fail(KVError::Full);
  image_.put(key, type, data, bytes);
  dirty_ = true;
  return fail(KVError::None);
}

KVError KV::set(const char* key, const char* value) {
  if (value == nullptr) value = "";
  return put(key, KvImage::Type::String, value,
             strnlen(value, kMaxValueBytes + 1));
}

KVError KV::set(const char* key, const String& value) {
  return put(key, KvImage::Type::String, value.c_str(), value.length());
}

KVError KV::set(const char* key, const void* data, size_t bytes) {
  if (data == nullptr) bytes = 0;
  return put(key, KvImage::Type::Bytes, data, bytes);
}

KVError KV::set(const char* key, bool value) {
  const uint8_t byte = value ? 1 : 0;
  return put(key, KvImage::Type::Boolean, &byte, 1);
}

KVError KV::setInteger(const char* key, int64_t value) {
  // Little-endian, as both chips.
  return put(key, KvImage::Type::Integer, &value, sizeof value);
}

bool KV::find(const char* key, KvImage::Type type, KvImage::Value* out) const {
  const KVError error = check(key, 0);
  fail(error);
  return error == KVError::None && image_.find(key, out) && out->type == type;
}

size_t KV::get(const char* key, char* out, size_t capacity,
               const char* fallback) const {
  KvImage::Value value;
  const bool found = find(key, KvImage::Type::String, &value);
  const char* from = found ? reinterpret_cast<const char*>(value.data)
                           : (fallback == nullptr ? "" : fallback);
  const size_t length = found ? value.bytes : strlen(from);
  if (capacity > 0) {
    const size_t bytes = length < capacity ? length : capacity - 1;
    memcpy(out, from, bytes);
    out[bytes] = '\0';
  }
  return length;
}

String KV::get(const char* key, const char* fallback) const {
  KvImage::Value value;
  String text;
  if (!find(key, KvImage::Type::String, &value)) return String(fallback);
  text.concat(reinterpret_cast<const char*>(value.data), value.bytes);
  return text;
}

size_t KV::get(const char* key, void* out, size_t capacity) const {
  KvImage::Value value;
  if (!find(key, KvImage::Type::Bytes, &value)) return 0;
  const size_t bytes = value.bytes < capacity ? value.bytes : capacity;
  if (bytes > 0) memcpy(out, value.data, bytes);
  return value.bytes;
}

bool KV::get(const char* key, bool fallback) const {
  KvImage::Value value;
  if (!find(key, KvImage::Type::Boolean, &value)) return fallback;
  return value.data[0] != 0;
}

int64_t KV::getInteger(const char* key, int64_t fallback) const {
  KvImage::Value value;
  if (!find(key, KvImage::Type::Integer, &value) || value.bytes != 8) {
    return fallback;
  }
  memcpy(&fallback, value.data, sizeof fallback);
  return fallback;
}

bool KV::has(const char* key) const {
  KvImage::Value value;
  const KVError error = check(key, 0);
  fail(error);
  return error == KVError::None && image_.find(key, &value);
}

size_t KV::size(const char* key) const {
  KvImage::Value value;
  const KVError error = check(key, 0);
  fail(error);
  return error == KVError::None && image_.find(key, &value) ? value.bytes : 0;
}

bool KV::remove(const char* key) {
  const KVError error = check(key, 0);
  fail(error);
  if (error != KVError::None || !image_.remove(key)) return false;
  dirty_ = true;
  return true;
}

void KV::clear() {
  if (buffer_ == nullptr) {
    fail(KVError::NotBegun);
    return;
  }
  fail(KVError::None);
  // A damaged sector is wiped by the next commit, even if nothing was set.
  dirty_ = dirty_ || image_.usedBytes() > 0 || contents_ == KVContents::Corrupt;
  image_.clear();
}

size_t KV::room() const { return buffer_ == nullptr ? 0 : image_.room(); }

const __FlashStringHelper* toString(KVError error) {
  switch (error) {
    case KVError::None:
      return F("none");
    case KVError::NotBegun:
      return F("not begun");
    case KVError::NoMemory:
      return F("no memory");
    case KVError::BadSize:
      return F("bad size");
    case KVError::BadKey:
      return F("bad key");
    case KVError::Oversized:
      return F("oversized");
    case KVError::Full:
      return F("full");
    case KVError::Corrupt:
      return F("corrupt");
    case KVError::FlashFailed:
      return F("flash failed");
  }
  return F("?");
}

const __FlashStringHelper* toString(KVContents contents) {
  switch (contents) {
    case KVContents::None:
      return F("none");
    case KVContents::Blank:
      return F("blank");
    case KVContents::Loaded:
      return F("loaded");
    case KVContents::Recovered:
      return F("recovered");
    case KVContents::Corrupt:
      return F("corrupt");
  }
  return F("?");
}
