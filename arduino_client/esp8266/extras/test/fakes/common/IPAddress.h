#pragma once

#include <stdint.h>

class IPAddress {
 public:
  IPAddress(uint32_t v4 = 0) : v4_(v4) {}
  operator uint32_t() const { return v4_; }
  bool isSet() const { return v4_ != 0; }

 private:
  uint32_t v4_;  // network byte order
};
