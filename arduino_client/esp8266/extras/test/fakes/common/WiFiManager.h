// The calls of WiFiManager 2.0 that an example makes. It joins at once.
#pragma once

#include <functional>

#include "Arduino.h"

class WiFiManagerParameter {
 public:
  explicit WiFiManagerParameter(const char* html) : value_(html) {}
  WiFiManagerParameter(const char*, const char*, const char* value, int)
      : value_(value) {}
  const char* getValue() const { return value_; }

 private:
  const char* value_;
};

class WiFiManager {
 public:
  bool addParameter(WiFiManagerParameter* parameter) {
    return parameter->getValue() != nullptr;
  }
  void setConfigPortalTimeout(unsigned long) {}
  void setSaveParamsCallback(std::function<void()> saved) { saved_ = saved; }
  bool autoConnect(const char*, const char*) { return true; }
  bool startConfigPortal(const char*, const char*) {
    saved_();
    return true;
  }

 private:
  std::function<void()> saved_;
};
