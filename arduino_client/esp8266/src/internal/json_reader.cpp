#include "json_reader.h"

#include <string.h>

#include "decimal.h"
#include "json_scanner.h"

namespace smserver {
namespace {

bool copyString(JsonScanner* scanner, char* out, size_t capacity) {
  size_t length;
  out[0] = '\0';
  if (!scanner->string(out, capacity, &length)) return false;
  if (length >= capacity || memchr(out, 0, length) != nullptr) {
    out[0] = '\0';
    return false;
  }
  out[length] = '\0';
  return true;
}

}  // namespace

JsonReader::JsonReader(const char* text, size_t length)
    : at_(text), end_(text + length) {}

bool JsonReader::next() {
  if (state_ >= State::Done) return false;
  JsonScanner scanner = {at_, end_};
  const bool first = state_ == State::Start;
  state_ = State::Bad;  // unless it turns out to be good
  if (first && !scanner.skip('{')) return false;
  if (scanner.skip('}')) {
    scanner.blanks();
    if (scanner.atEnd()) state_ = State::Done;
    return false;
  }
  if (!first && !scanner.take(',')) return false;
  scanner.blanks();
  size_t length;
  if (!scanner.string(key_, sizeof key_ - 1, &length)) return false;
  // A longer key is none of those that are looked for.
  key_[length < sizeof key_ ? length : 0] = '\0';
  if (!scanner.skip(':')) return false;
  scanner.blanks();
  value_ = scanner.at;
  if (!scanner.value()) return false;
  valueBytes_ = static_cast<size_t>(scanner.at - value_);
  at_ = scanner.at;
  state_ = State::Members;
  return true;
}

bool JsonReader::is(const char* key) const { return strcmp(key_, key) == 0; }

bool JsonReader::string(char* out, size_t capacity) const {
  JsonScanner scanner = {value_, value_ + valueBytes_};
  return copyString(&scanner, out, capacity);
}

void JsonReader::string(const char* key, char* out, size_t capacity) const {
  if (is(key)) string(out, capacity);
}

bool JsonReader::number(uint32_t* out) const {
  uint32_t value;
  if (!parseDecimal(value_, valueBytes_, &value)) return false;
  *out = value;
  return true;
}

bool JsonReader::element(const char** from, char* out, size_t capacity) const {
  if (*from == nullptr) {
    if (*value_ != '[') return false;
    *from = value_;
  }
  // Behind the bracket, or the element before.
  JsonScanner scanner = {*from, value_ + valueBytes_};
  if (!scanner.skip('[') && !scanner.take(',')) return false;
  scanner.blanks();
  const bool copied = copyString(&scanner, out, capacity);
  *from = scanner.at;
  return copied;
}

bool isJson(const char* text, size_t length) {
  JsonScanner scanner = {text, text + length};
  if (!scanner.value()) return false;
  scanner.blanks();
  return scanner.atEnd();
}

bool isUtf8(const char* text, size_t length) {
  JsonScanner scanner = {text, text + length};
  while (!scanner.atEnd()) {
    uint32_t code;
    if (scanner.peek() < 0x80) {
      ++scanner.at;
    } else if (!scanner.utf8(&code)) {
      return false;
    }
  }
  return true;
}

}  // namespace smserver
