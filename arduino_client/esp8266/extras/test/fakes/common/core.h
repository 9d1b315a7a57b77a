// What both cores' Arduino.h declare alike, as far as the library and its
// examples use it.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <functional>
#include <memory>
#include <new>

#include "Client.h"
#include "IPAddress.h"
#include "WString.h"

typedef bool boolean;

unsigned long millis();
void yield();
void delay(unsigned long ms);

// For the examples.
constexpr uint8_t OUTPUT = 1, INPUT_PULLUP = 2, LOW = 0, HIGH = 1;
inline int analogRead(uint8_t) { return 512; }
inline int digitalRead(uint8_t) { return HIGH; }
inline void digitalWrite(uint8_t, uint8_t) {}
inline void pinMode(uint8_t, uint8_t) {}

class HardwareSerial : public Stream {
 public:
  using Print::write;
  size_t write(uint8_t byte) override;
  int available() override { return 0; }
  int read() override { return -1; }
#ifdef ESP8266
  int read(uint8_t*, size_t) override { return 0; }
#endif
  int peek() override { return -1; }
  void begin(unsigned long) {}
};
extern HardwareSerial Serial;
