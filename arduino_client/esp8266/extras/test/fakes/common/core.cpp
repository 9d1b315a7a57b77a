#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>

#include "Arduino.h"
#include "test_control.h"

HardwareSerial Serial;

namespace fake {
namespace {
uint32_t offsetMs = 0;
bool realTime = false;
uint32_t realMs() {
  using namespace std::chrono;
  return static_cast<uint32_t>(
      duration_cast<milliseconds>(steady_clock::now().time_since_epoch())
          .count());
}
}  // namespace

void setMillis(uint32_t now) { offsetMs = now - (realTime ? realMs() : 0); }
void advance(uint32_t ms) { offsetMs += ms; }
void useRealTime() {
  if (!realTime) offsetMs -= realMs();
  realTime = true;
}

int64_t systemTime = 5;
std::function<void()> onYield;
void (*runScheduled)() = nullptr;
std::string* serial = nullptr;
std::vector<uint32_t> randoms;
}  // namespace fake

extern "C" time_t time(time_t* out) {
  if (out != nullptr) *out = static_cast<time_t>(fake::systemTime);
  return static_cast<time_t>(fake::systemTime);
}

// unsigned long is 32 bits on the chip, so it must wrap like that here.
unsigned long millis() {
  return static_cast<uint32_t>(fake::offsetMs +
                               (fake::realTime ? fake::realMs() : 0));
}

// Blocking loops of the fakes call this: a frozen clock must go on there.
void yield() {
  if (fake::realTime) {
    usleep(200);
  } else {
    fake::offsetMs += 1;
  }
  if (fake::onYield) {
    fake::Uncounted scope;
    fake::onYield();
  }
  if (fake::runScheduled != nullptr) fake::runScheduled();
}

void delay(unsigned long ms) {
  for (unsigned long i = 0; i < ms; ++i) yield();
}

uint32_t fake::nextRandom() {
  if (!fake::randoms.empty()) {
    const uint32_t next = fake::randoms.front();
    fake::randoms.erase(fake::randoms.begin());
    return next;
  }
  static uint32_t state = 2463534242u;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

size_t Print::write(const uint8_t* data, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) {
    if (write(data[i]) != 1) return i;
  }
  return bytes;
}
size_t Print::print(const char* text) {
  return write(reinterpret_cast<const uint8_t*>(text), strlen(text));
}
size_t Print::print(const __FlashStringHelper* text) {
  return print(reinterpret_cast<const char*>(text));
}
size_t Print::print(const String& text) { return print(text.c_str()); }
size_t Print::print(int value) { return printf("%d", value); }
size_t Print::print(unsigned int value) { return printf("%u", value); }
size_t Print::print(long value) { return printf("%ld", value); }
size_t Print::print(unsigned long value) { return printf("%lu", value); }
size_t Print::println() { return print("\r\n"); }

namespace {
size_t printTo(Print* out, const char* format, va_list args) {
  char text[512];
  vsnprintf(text, sizeof text, format, args);
  return out->print(text);
}
}  // namespace
size_t Print::printf(const char* format, ...) {
  va_list args;
  va_start(args, format);
  const size_t bytes = printTo(this, format, args);
  va_end(args);
  return bytes;
}
#ifdef ESP8266
size_t Print::printf_P(const char* format, ...) {
  va_list args;
  va_start(args, format);
  const size_t bytes = printTo(this, format, args);
  va_end(args);
  return bytes;
}
#endif

size_t HardwareSerial::write(uint8_t byte) {
  if (fake::serial == nullptr) return fwrite(&byte, 1, 1, stderr);
  fake::Uncounted scope;
  fake::serial->push_back(static_cast<char>(byte));
  return 1;
}

// ---- String: malloc and realloc, failing softly, as WString.cpp.
String::String(const char* text) {
  if (text != nullptr) concat(text);
}
String::String(const __FlashStringHelper* text)
    : String(reinterpret_cast<const char*>(text)) {}
String::String(const String& other) { concat(other.c_str(), other.length_); }
String::String(String&& other) noexcept { *this = std::move(other); }
String::~String() { delete[] text_; }
String& String::operator=(const String& other) {
  if (this != &other) {
    length_ = 0;
    if (text_ != nullptr) text_[0] = '\0';
    concat(other.c_str(), other.length_);
  }
  return *this;
}
String& String::operator=(String&& other) noexcept {
  if (this != &other) {
    delete[] text_;
    text_ = other.text_;
    length_ = other.length_;
    capacity_ = other.capacity_;
    other.text_ = nullptr;
    other.length_ = other.capacity_ = 0;
  }
  return *this;
}
const char* String::c_str() const { return text_ == nullptr ? "" : text_; }
bool String::reserve(unsigned int bytes) {
  if (bytes <= capacity_ && text_ != nullptr) return true;
  char* grown = new (std::nothrow) char[bytes + 1];
  if (grown == nullptr) return false;
  memcpy(grown, c_str(), length_ + 1);
  delete[] text_;
  text_ = grown;
  capacity_ = bytes;
  return true;
}
bool String::concat(const char* text, unsigned int length) {
  if (length == 0) return true;
  if (!reserve(length_ + length)) return false;
  memcpy(text_ + length_, text, length);
  length_ += length;
  text_[length_] = '\0';
  return true;
}
bool String::concat(const char* text) { return concat(text, strlen(text)); }
String& String::operator+=(const char* text) {
  concat(text);
  return *this;
}
String& String::operator+=(const String& text) {
  concat(text.c_str(), text.length());
  return *this;
}
bool String::operator==(const char* text) const {
  return strcmp(c_str(), text) == 0;
}
bool String::operator==(const String& other) const {
  return *this == other.c_str();
}
long String::toInt() const { return atol(c_str()); }
void String::clear() {
  length_ = 0;
  if (text_ != nullptr) text_[0] = '\0';
}
