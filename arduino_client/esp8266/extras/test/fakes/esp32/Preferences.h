// Preferences of arduino-esp32 3.x over NVS: short names, entries that are
// replaced atomically, room for the old and the new one at once.
#pragma once

#include <string>

#include "Arduino.h"

class Preferences {
 public:
  ~Preferences() { end(); }
  bool begin(const char* space, bool readOnly = false,
             const char* partition = nullptr);
  void end();
  bool clear();
  bool remove(const char* key);
  bool isKey(const char* key);
  size_t putBytes(const char* key, const void* data, size_t bytes);
  size_t getBytesLength(const char* key);
  size_t getBytes(const char* key, void* out, size_t capacity);

 private:
  std::string name(const char* key) const;

  std::string space_;
  bool started_ = false;
  bool readOnly_ = false;
};
