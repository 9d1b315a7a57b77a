#pragma once

#include "FS.h"

namespace fs {
class LittleFSFS : public FS {
 public:
  bool begin(bool formatOnFail = false, const char* base = "/littlefs",
             uint8_t maxOpenFiles = 10, const char* partition = "spiffs") {
    return formatOnFail && base != nullptr && maxOpenFiles > 0 &&
           partition != nullptr;
  }
  bool format();
  void end() {}
};
}  // namespace fs
extern fs::LittleFSFS LittleFS;
