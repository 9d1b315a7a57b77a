#include "Preferences.h"
#include "test_control.h"

namespace {

constexpr size_t kNameBytes = 15;
constexpr size_t kEntryBytes = 32;

// What NVS takes for a blob: whole entries for data, header and index.
size_t entryBytes(size_t bytes) {
  return (bytes + kEntryBytes - 1) / kEntryBytes * kEntryBytes +
         2 * kEntryBytes;
}

size_t usedBytes() {
  size_t used = 0;
  for (const auto& entry : fake::flash.nvs) {
    used += entryBytes(entry.second.size());
  }
  return used;
}

}  // namespace

bool Preferences::begin(const char* space, bool readOnly, const char*) {
  fake::Uncounted scope;
  if (started_ || fake::flash.failRead || strlen(space) > kNameBytes) {
    return false;
  }
  space_ = space;
  readOnly_ = readOnly;
  started_ = true;
  return true;
}

void Preferences::end() {
  fake::Uncounted scope;
  started_ = false;
  space_ = std::string();
}

std::string Preferences::name(const char* key) const {
  return space_ + "/" + key;
}

bool Preferences::clear() {
  fake::Uncounted scope;
  if (!started_ || readOnly_) return false;
  for (auto at = fake::flash.nvs.begin(); at != fake::flash.nvs.end();) {
    at = at->first.rfind(space_ + "/", 0) == 0 ? fake::flash.nvs.erase(at)
                                               : std::next(at);
  }
  return true;
}

bool Preferences::remove(const char* key) {
  fake::Uncounted scope;
  return started_ && !readOnly_ && fake::flash.nvs.erase(name(key)) == 1;
}

bool Preferences::isKey(const char* key) {
  fake::Uncounted scope;
  return started_ && fake::flash.nvs.count(name(key)) == 1;
}

size_t Preferences::putBytes(const char* key, const void* data, size_t bytes) {
  fake::Uncounted scope;
  fake::Flash& flash = fake::flash;
  if (!started_ || readOnly_ || bytes == 0 || strlen(key) > kNameBytes) {
    return 0;
  }
  if (flash.failWrite || usedBytes() + entryBytes(bytes) > flash.nvsBytes) {
    return 0;
  }
  ++flash.writes;
  // The new entry counts once all of it is written.
  for (size_t i = 0; i < entryBytes(bytes); ++i) {
    if (!flash.spend()) return 0;
  }
  const uint8_t* from = static_cast<const uint8_t*>(data);
  flash.nvs[name(key)].assign(from, from + bytes);
  return bytes;
}

size_t Preferences::getBytesLength(const char* key) {
  fake::Uncounted scope;
  const auto at = fake::flash.nvs.find(name(key));
  return started_ && at != fake::flash.nvs.end() ? at->second.size() : 0;
}

size_t Preferences::getBytes(const char* key, void* out, size_t capacity) {
  fake::Uncounted scope;
  const size_t bytes = getBytesLength(key);
  if (bytes == 0 || out == nullptr || capacity == 0) return bytes;
  if (bytes > capacity) return 0;
  memcpy(out, fake::flash.nvs[name(key)].data(), bytes);
  return bytes;
}
