// Print, Stream and Client. Those of the ESP8266 core have calls that those of
// the ESP32 lack.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "IPAddress.h"
#include "WString.h"

class Print {
 public:
  virtual ~Print() {}
  virtual size_t write(uint8_t byte) = 0;
  virtual size_t write(const uint8_t* data, size_t bytes);
  virtual int availableForWrite() { return 0; }
  virtual void flush() {}
#ifdef ESP8266
  virtual bool outputCanTimeout() { return true; }
#endif
  size_t printf(const char* format, ...) __attribute__((format(printf, 2, 3)));
#ifdef ESP8266
  size_t printf_P(const char* format, ...)
      __attribute__((format(printf, 2, 3)));
#endif
  size_t print(const char* text);
  size_t print(const __FlashStringHelper* text);
  size_t print(const String& text);
  size_t print(int value);
  size_t print(unsigned int value);
  size_t print(long value);
  size_t print(unsigned long value);
  size_t println();
  template <typename T>
  size_t println(const T& value) {
    return print(value) + println();
  }
};

class Stream : public Print {
 public:
  virtual int available() = 0;
  virtual int read() = 0;
  virtual int peek() = 0;
#ifdef ESP8266
  virtual int read(uint8_t* data, size_t bytes) = 0;
  virtual bool hasPeekBufferAPI() const { return false; }
  virtual size_t peekAvailable() { return 0; }
  virtual const char* peekBuffer() { return nullptr; }
  virtual void peekConsume(size_t bytes) { (void)bytes; }
  virtual bool inputCanTimeout() { return true; }
#endif
  void setTimeout(unsigned long ms) { _timeout = ms; }
  unsigned long getTimeout() const { return _timeout; }

 protected:
  unsigned long _timeout = 1000;
};

class Client : public Stream {
 public:
  virtual int connect(IPAddress ip, uint16_t port) = 0;
  virtual int connect(const char* host, uint16_t port) = 0;
  size_t write(uint8_t byte) override = 0;
  size_t write(const uint8_t* data, size_t bytes) override = 0;
  int available() override = 0;
  int read() override = 0;
  virtual int read(uint8_t* data, size_t bytes) = 0;
  int peek() override = 0;
  void flush() override = 0;
  virtual void stop() = 0;
  virtual uint8_t connected() = 0;
  virtual operator bool() = 0;
};
