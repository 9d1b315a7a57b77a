#pragma once

#include <stddef.h>
#include <stdint.h>

class __FlashStringHelper;
#define F(text) FPSTR(PSTR(text))
#define FPSTR(text) (reinterpret_cast<const __FlashStringHelper*>(text))

// 12 bytes on the chip too. Like the core's, it fails softly when memory is
// out: the text then stays as it was.
class String {
 public:
  String(const char* text = "");
  String(const __FlashStringHelper* text);
  String(const String& other);
  String(String&& other) noexcept;
  ~String();
  String& operator=(const String& other);
  String& operator=(String&& other) noexcept;

  const char* c_str() const;
  unsigned int length() const { return length_; }
  bool isEmpty() const { return length_ == 0; }
  bool reserve(unsigned int bytes);
  bool concat(const char* text, unsigned int length);
  bool concat(const char* text);
  String& operator+=(const char* text);
  String& operator+=(const String& text);
  bool operator==(const char* text) const;
  bool operator==(const String& other) const;
  long toInt() const;
  void clear();

 private:
  char* text_ = nullptr;
  unsigned int length_ = 0;
  unsigned int capacity_ = 0;
};
