#pragma once

#include <stddef.h>
#include <stdint.h>

namespace smserver {

// Walks over the members of one JSON object (RFC 8259) in a text, without
// memory of its own. Strict: double quotes, valid UTF-8, no lone surrogates,
// nothing behind the object, up to 20 levels. Members of a malformed text may
// be seen before the error is; nothing may be believed unless valid() says so
// in the end.
//
//   JsonReader reader(text, length);
//   while (reader.next()) {
//     reader.string("c", name, sizeof name);
//   }
//   if (!reader.valid()) ...
class JsonReader {
 public:
  JsonReader(const char* text, size_t length);

  // Goes on to the next member; false at the end, or at the first fault.
  bool next();
  // The whole text was one object. Only after next() has returned false.
  bool valid() const { return state_ == State::Done; }

  // The member at hand. `key` is up to 7 characters.
  bool is(const char* key) const;
  // Copies a string, with its escapes resolved and a NUL; false, and an empty
  // string, when it is none, has a NUL in it or does not fit.
  bool string(char* out, size_t capacity) const;
  // The same if the member has this key.
  void string(const char* key, char* out, size_t capacity) const;
  // A number from 0 to 4294967295 without fraction or exponent.
  bool number(uint32_t* out) const;
  bool isNull() const { return *value_ == 'n'; }
  // The elements of an array of strings, one after the other, each as string()
  // does; `from` starts as null. False at the end.
  bool element(const char** from, char* out, size_t capacity) const;
  // Its text.
  const char* value() const { return value_; }
  size_t valueBytes() const { return valueBytes_; }

 private:
  enum class State : uint8_t { Start, Members, Done, Bad };

  const char* at_;
  const char* end_;
  const char* value_ = "";
  size_t valueBytes_ = 0;
  char key_[8] = "";
  State state_ = State::Start;
};

// One JSON value of any kind, and nothing else.
bool isJson(const char* text, size_t length);
// Well-formed, shortest form, no surrogates (RFC 3629).
bool isUtf8(const char* text, size_t length);

}  // namespace smserver
