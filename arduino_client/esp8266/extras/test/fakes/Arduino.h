// Just those parts of the ESP8266 core 3.1.2 that the library uses, for tests
// on a PC and for compiling for the chip. Declarations follow the core's
// headers; the behaviour is in the .cpp files here. test_control.h holds the
// knobs.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <functional>
#include <memory>
#include <new>

#include "Client.h"
#include "IPAddress.h"
#include "WString.h"

typedef bool boolean;

#define PROGMEM
#define PGM_P const char*
#define PSTR(text) (text)
#define memcpy_P memcpy
#define strlen_P strlen
#define strcmp_P strcmp
#define strncmp_P strncmp
#define snprintf_P snprintf
#define strncpy_P strncpy

unsigned long millis();
void yield();

// For the examples.
constexpr uint8_t A0 = 17, LED_BUILTIN = 2, OUTPUT = 1, LOW = 0, HIGH = 1;
inline int analogRead(uint8_t) { return 512; }
inline void digitalWrite(uint8_t, uint8_t) {}
inline void pinMode(uint8_t, uint8_t) {}

class EspClass {
 public:
  bool flashEraseSector(uint32_t sector);
  bool flashWrite(uint32_t address, const uint32_t* data, size_t bytes);
  bool flashRead(uint32_t address, uint32_t* data, size_t bytes);
  uint32_t getMaxFreeBlockSize();
  uint32_t getFreeHeap();
  uint32_t random();
  void restart() {}
};
extern EspClass ESP;

// The random number generator of the chip.
#define RANDOM_REG32 (ESP.random())

class HardwareSerial : public Print {
 public:
  using Print::write;
  size_t write(uint8_t byte) override;
  void begin(unsigned long baud);
  int printf_P(const char* format, ...) __attribute__((format(printf, 2, 3)));
};
extern HardwareSerial Serial;
