#pragma once

#include "FS.h"

class FakeLittleFs : public fs::FS {
 public:
  bool begin() { return true; }
  void end() {}
  bool format();
};
extern FakeLittleFs LittleFS;
