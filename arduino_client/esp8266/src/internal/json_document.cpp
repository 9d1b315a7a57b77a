#include "json_document.h"

#include <stdlib.h>
#include <string.h>

#include <memory>
#include <new>
#include <string_view>

#include "json_scanner.h"

namespace smserver {
namespace {

// As ArduinoJson's own parser.
constexpr uint8_t kMaxLevels = 10;

// Puts a text that is known to be JSON into a document. ArduinoJson's parser
// would be a second one in flash, beside the strict one.
class Builder {
 public:
  // `scratch` has room for `length` bytes.
  Builder(const char* text, size_t length, char* scratch)
      : in_{text, text + length}, scratch_(scratch), capacity_(length) {}

  // False when the value is nested too deep.
  bool value(JsonVariant to, uint8_t levels);

 private:
  // Valid until the next string.
  std::string_view string();
  bool scalar(JsonVariant to);
  // An integer, or a double for what has a fraction or an exponent, or needs
  // more than 63 bits.
  void number(JsonVariant to);
  // Moves over digits and puts them behind those of `value`. Returns how many
  // there were, and adds to `left` how many of them did not fit.
  int digits(uint64_t* value, int* left);

  JsonScanner in_;
  char* scratch_;
  size_t capacity_;
};

bool Builder::value(JsonVariant to, uint8_t levels) {
  in_.blanks();
  const bool is_object = in_.take('{');
  if (!is_object && !in_.take('[')) return scalar(to);
  if (levels == 0) return false;
  const char end = is_object ? '}' : ']';
  if (is_object) {
    to.to<JsonObject>();
  } else {
    to.to<JsonArray>();
  }
  if (in_.skip(end)) return true;
  do {
    JsonVariant element;
    if (is_object) {
      in_.blanks();
      element = to[string()].to<JsonVariant>();
      in_.skip(':');
    } else {
      element = to.add<JsonVariant>();
    }
    if (!value(element, levels - 1)) return false;
  } while (in_.skip(','));
  return in_.take(end);
}

std::string_view Builder::string() {
  size_t length;
  in_.string(scratch_, capacity_, &length);
  return {scratch_, length};
}

bool Builder::scalar(JsonVariant to) {
  const int first = in_.peek();
  if (first == '"') {
    to.set(string());
  } else if (first <= '9') {
    number(to);
  } else {  // true, false, null
    if (first != 'n') to.set(first == 't');
    in_.value();
  }
  return true;
}

// What double cannot tell apart is left out.
int Builder::digits(uint64_t* value, int* left) {
  int count = 0;
  for (;; ++count, ++in_.at) {
    const uint32_t digit = static_cast<uint32_t>(in_.peek() - '0');
    if (digit > 9) return count;
    if (*value < UINT64_MAX / 10) {
      *value = *value * 10 + digit;
    } else {
      ++*left;
    }
  }
}

void Builder::number(JsonVariant to) {
  const bool negative = in_.take('-');
  uint64_t value = 0;
  int exponent = 0;
  digits(&value, &exponent);
  const int64_t integer = static_cast<int64_t>(value);
  bool whole = exponent == 0 && integer >= 0;
  if (in_.take('.')) {
    whole = false;
    const int count = digits(&value, &exponent);
    exponent -= count;
  }
  if (in_.take('e') || in_.take('E')) {
    whole = false;
    const bool down = in_.take('-');
    in_.take('+');
    uint64_t power = 0;
    int ignored = 0;
    digits(&power, &ignored);
    const int shift = power < 1000 ? static_cast<int>(power) : 1000;
    exponent += down ? -shift : shift;
  }
  if (whole) {
    to.set(negative ? -integer : integer);
    return;
  }
  double real = static_cast<double>(value);
  double power = 1;  // exact up to the 22nd
  for (int i = value == 0 ? 0 : abs(exponent); i > 0; --i) power *= 10;
  real = exponent < 0 ? real / power : real * power;
  to.set(negative ? -real : real);
}

// Counts what is written, and keeps as much of it as there is room for. One
// kind of writer for both: each more would bring a serializer of its own.
class Sink {
 public:
  Sink(char* out, size_t capacity) : out_(out), capacity_(capacity) {}

  size_t write(uint8_t byte) { return write(&byte, 1); }
  size_t write(const uint8_t* bytes, size_t count) {
    const size_t room = length_ < capacity_ ? capacity_ - length_ : 0;
    if (room > 0) memcpy(out_ + length_, bytes, count < room ? count : room);
    length_ += count;
    return count;
  }
  size_t length() const { return length_; }

 private:
  char* out_;
  size_t capacity_;
  size_t length_ = 0;
};

}  // namespace

bool parseDocument(const char* text, size_t length, JsonDocument* out) {
  std::unique_ptr<char[]> scratch(new (std::nothrow) char[length]);
  if (!scratch) return false;
  Builder builder(text, length, scratch.get());
  return builder.value(out->to<JsonVariant>(), kMaxLevels) &&
         !out->overflowed();
}

size_t writeDocument(const JsonDocument& document, char* out, size_t capacity) {
  Sink sink(out, capacity);
  serializeJson(document, sink);
  return sink.length();
}

}  // namespace smserver
