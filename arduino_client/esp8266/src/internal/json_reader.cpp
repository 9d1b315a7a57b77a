#include "json_reader.h"

#include <Arduino.h>
#include <string.h>

namespace smserver {
namespace {

constexpr uint8_t kMaxDepth = 20;

// A place in a text. Each step moves over what it names, or returns false.
struct Cursor {
  const char* at;
  const char* end;

  int peek() const { return at < end ? static_cast<uint8_t>(*at) : -1; }
  bool take(char c) {
    if (peek() != static_cast<uint8_t>(c)) return false;
    ++at;
    return true;
  }
  void blanks() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')
      ++at;
  }
  bool digits() {
    const char* const first = at;
    while (peek() >= '0' && peek() <= '9') ++at;
    return at > first;
  }
  bool word(PGM_P text);
  bool number();
  bool utf8();
  bool hex(uint32_t* out);
  bool escape(uint32_t* out);
  bool string(char* out, size_t capacity, size_t* length);
  bool key() {
    size_t ignored;
    blanks();
    if (!string(nullptr, 0, &ignored)) return false;
    blanks();
    return take(':');
  }
  bool scalar();
  bool value();
};

bool Cursor::word(PGM_P text) {
  for (char c; (c = static_cast<char>(pgm_read_byte(text))) != '\0'; ++text) {
    if (!take(c)) return false;
  }
  return true;
}

bool Cursor::number() {
  take('-');
  if (!take('0') && !digits()) return false;
  if (take('.') && !digits()) return false;
  if (peek() == 'e' || peek() == 'E') {
    ++at;
    if (!take('+')) take('-');
    return digits();
  }
  return true;
}

// One character of more than one byte: RFC 3629, section 4.
bool Cursor::utf8() {
  const uint8_t lead = static_cast<uint8_t>(*at);
  const uint8_t count = lead >= 0xF0 ? 3 : (lead >= 0xE0 ? 2 : 1);
  if (lead < 0xC2 || lead > 0xF4 || end - at <= count) return false;
  const uint8_t second = static_cast<uint8_t>(at[1]);
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
      (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
    return false;
  }
  ++at;
  for (uint8_t i = 0; i < count; ++i, ++at) {
    if ((static_cast<uint8_t>(*at) & 0xC0) != 0x80) return false;
  }
  return true;
}

bool Cursor::hex(uint32_t* out) {
  *out = 0;
  for (uint8_t i = 0; i < 4; ++i) {
    const int c = peek();
    const int lower = c | 0x20;
    if (c >= '0' && c <= '9') {
      *out = *out * 16 + static_cast<uint32_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      *out = *out * 16 + static_cast<uint32_t>(lower - 'a' + 10);
    } else {
      return false;
    }
    ++at;
  }
  return true;
}

// What stands behind a backslash.
bool Cursor::escape(uint32_t* out) {
  const int c = peek();
  if (c < 0) return false;
  ++at;
  switch (c) {
    case '"':
    case '\\':
    case '/':
      *out = static_cast<uint32_t>(c);
      return true;
    case 'b':
      *out = '\b';
      return true;
    case 'f':
      *out = '\f';
      return true;
    case 'n':
      *out = '\n';
      return true;
    case 'r':
      *out = '\r';
      return true;
    case 't':
      *out = '\t';
      return true;
    case 'u':
      break;
    default:
      return false;
  }
  if (!hex(out)) return false;
  if (*out < 0xD800 || *out > 0xDFFF) return true;
  uint32_t low;
  if (*out > 0xDBFF || !take('\\') || !take('u') || !hex(&low) ||
      low < 0xDC00 || low > 0xDFFF) {
    return false;
  }
  *out = 0x10000 + ((*out - 0xD800) << 10) + (low - 0xDC00);
  return true;
}

uint8_t encode(uint32_t code, char (&out)[4]) {
  if (code < 0x80) {
    out[0] = static_cast<char>(code);
    return 1;
  }
  const uint8_t count = code < 0x800 ? 2 : (code < 0x10000 ? 3 : 4);
  for (uint8_t i = count; i-- > 1; code >>= 6) {
    out[i] = static_cast<char>(0x80 | (code & 0x3F));
  }
  out[0] = static_cast<char>((0xF00 >> count) | code);
  return count;
}

// Stores up to `capacity` bytes; `length` counts all.
bool Cursor::string(char* out, size_t capacity, size_t* length) {
  *length = 0;
  if (!take('"')) return false;
  for (;;) {
    const int c = peek();
    if (c < ' ') return false;  // the end of the text as well
    if (c == '"') {
      ++at;
      return true;
    }
    char encoded[4];
    const char* bytes = at;
    size_t count = 1;
    if (c == '\\') {
      ++at;
      uint32_t code;
      if (!escape(&code)) return false;
      count = encode(code, encoded);
      bytes = encoded;
    } else if (c < 0x80) {
      ++at;
    } else {
      if (!utf8()) return false;
      count = static_cast<size_t>(at - bytes);
    }
    for (size_t i = 0; i < count; ++i, ++*length) {
      if (*length < capacity) out[*length] = bytes[i];
    }
  }
}

bool Cursor::scalar() {
  size_t ignored;
  switch (peek()) {
    case '"':
      return string(nullptr, 0, &ignored);
    case 't':
      return word(PSTR("true"));
    case 'f':
      return word(PSTR("false"));
    case 'n':
      return word(PSTR("null"));
    default:
      return number();
  }
}

// Not recursive: a bit for each level tells objects from arrays.
bool Cursor::value() {
  uint32_t objects = 0;
  uint8_t depth = 0;
  for (;;) {
    blanks();
    const bool object = peek() == '{';
    bool complete = true;
    if (object || peek() == '[') {
      if (depth++ == kMaxDepth) return false;
      ++at;
      objects = objects << 1 | (object ? 1 : 0);
      blanks();
      if (take(object ? '}' : ']')) {
        objects >>= 1;
        --depth;
      } else {
        if (object && !key()) return false;
        complete = false;
      }
    } else if (!scalar()) {
      return false;
    }
    while (complete) {
      if (depth == 0) return true;
      const bool in_object = (objects & 1) != 0;
      blanks();
      if (take(',')) {
        if (in_object && !key()) return false;
        complete = false;
      } else if (take(in_object ? '}' : ']')) {
        objects >>= 1;
        --depth;
      } else {
        return false;
      }
    }
  }
}

bool copyString(Cursor* cursor, char* out, size_t capacity) {
  size_t length;
  out[0] = '\0';
  if (!cursor->string(out, capacity, &length)) return false;
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

bool JsonReader::fail() {
  state_ = State::Bad;
  return false;
}

bool JsonReader::finish() {
  Cursor cursor = {at_, end_};
  cursor.blanks();
  state_ = cursor.at == end_ ? State::Done : State::Bad;
  return false;
}

bool JsonReader::next() {
  Cursor cursor = {at_, end_};
  cursor.blanks();
  if (state_ == State::Start) {
    if (!cursor.take('{')) return fail();
    cursor.blanks();
    if (cursor.take('}')) {
      at_ = cursor.at;
      return finish();
    }
    state_ = State::Members;
  } else if (state_ != State::Members) {
    return false;
  } else if (cursor.take('}')) {
    at_ = cursor.at;
    return finish();
  } else if (!cursor.take(',')) {
    return fail();
  }
  cursor.blanks();
  size_t length;
  if (!cursor.string(key_, sizeof key_ - 1, &length)) return fail();
  // A longer key is none of those that are looked for.
  key_[length < sizeof key_ ? length : 0] = '\0';
  cursor.blanks();
  if (!cursor.take(':')) return fail();
  cursor.blanks();
  value_ = cursor.at;
  if (!cursor.value()) return fail();
  valueBytes_ = static_cast<size_t>(cursor.at - value_);
  at_ = cursor.at;
  return true;
}

bool JsonReader::is(const char* key) const { return strcmp(key_, key) == 0; }

bool JsonReader::string(char* out, size_t capacity) const {
  Cursor cursor = {value_, value_ + valueBytes_};
  return copyString(&cursor, out, capacity);
}

bool JsonReader::number(uint32_t* out) const {
  uint32_t value = 0;
  for (size_t i = 0; i < valueBytes_; ++i) {
    const uint32_t digit = static_cast<uint32_t>(value_[i] - '0');
    if (digit > 9 || value > (0xFFFFFFFFu - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *out = value;
  return true;
}

bool JsonReader::element(const char** from, char* out, size_t capacity) const {
  if (*from == nullptr) {
    if (*value_ != '[') return false;
    *from = value_;
  }
  // Behind the bracket, or the element before.
  Cursor cursor = {*from, value_ + valueBytes_};
  cursor.blanks();
  if (!cursor.take('[') && !cursor.take(',')) return false;
  cursor.blanks();
  const bool copied = copyString(&cursor, out, capacity);
  *from = cursor.at;
  return copied;
}

bool isJson(const char* text, size_t length) {
  Cursor cursor = {text, text + length};
  if (!cursor.value()) return false;
  cursor.blanks();
  return cursor.at == cursor.end;
}

bool isUtf8(const char* text, size_t length) {
  Cursor cursor = {text, text + length};
  while (cursor.at < cursor.end) {
    if (static_cast<uint8_t>(*cursor.at) < 0x80) {
      ++cursor.at;
    } else if (!cursor.utf8()) {
      return false;
    }
  }
  return true;
}

}  // namespace smserver
