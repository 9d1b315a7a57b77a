// The part of ArduinoJson 7.2 that the library, its tests and its examples use:
// its parser is not among it, see src/internal/json_document.h.
// Declarations only: nlohmann::json is behind them, in json.cpp.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <string_view>
#include <type_traits>

class JsonObjectConst;

class JsonVariantConst {
 public:
  JsonVariantConst() = default;
  explicit JsonVariantConst(const void* node) : node_(node) {}
  bool isNull() const;
  JsonVariantConst operator[](const char* key) const;
  template <typename T>
  T as() const;
  // The value, or this one when there is none of that type.
  bool operator|(bool fallback) const;
  long operator|(int fallback) const;
  const char* operator|(const char* fallback) const;
  size_t size() const;
  const void* node() const { return node_; }

 protected:
  const void* node_ = nullptr;
};

class JsonObjectConst : public JsonVariantConst {
 public:
  using JsonVariantConst::JsonVariantConst;
};

class JsonDocument;

// Text that goes out as it is.
struct SerializedValue {
  const char* text;
};
inline SerializedValue serialized(const char* text) { return {text}; }

class JsonObject;
class JsonArray;

// A value that can be changed. Without a node, when memory was out, nothing
// happens.
class JsonVariant : public JsonVariantConst {
 public:
  JsonVariant() = default;
  JsonVariant(JsonDocument* doc, void* node)
      : JsonVariantConst(node), doc_(doc) {}
  // Empties it: JsonVariant (null), JsonObject or JsonArray.
  template <typename T>
  T to();
  template <typename T>
  std::enable_if_t<std::is_integral_v<T>> set(T value) {
    if constexpr (std::is_same_v<T, bool>) {
      setBool(value);
    } else {
      setInteger(static_cast<long long>(value));
    }
  }
  void set(double value);
  void set(std::string_view value);
  // Of an object, which null becomes; a key that is there is found again.
  JsonVariant operator[](std::string_view key);
  // To an array, which null becomes.
  template <typename T>
  T add();

 protected:
  void setBool(bool value);
  void setInteger(long long value);
  JsonDocument* doc_ = nullptr;
};

class JsonObject : public JsonVariant {
 public:
  using JsonVariant::JsonVariant;
};

class JsonArray : public JsonVariant {
 public:
  using JsonVariant::JsonVariant;
};

// What doc["key"] gives: to read, or to assign to.
class JsonMember : public JsonVariantConst {
 public:
  JsonMember(JsonDocument* doc, const char* key, const void* node)
      : JsonVariantConst(node), doc_(doc), key_(key) {}
  template <typename T, typename = std::enable_if_t<std::is_integral_v<T> &&
                                                    !std::is_same_v<T, bool>>>
  void operator=(T value) {
    setInteger(static_cast<long long>(value));
  }
  void operator=(bool value);
  void operator=(double value);
  void operator=(const char* value);
  void operator=(SerializedValue value);

 private:
  void setInteger(long long value);
  JsonDocument* doc_;
  const char* key_;
};

class JsonDocument {
 public:
  JsonDocument();
  ~JsonDocument();
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;
  JsonMember operator[](const char* key);
  template <typename T>
  T as() const {
    return T(root());
  }
  template <typename T>
  T to();
  // Memory was out.
  bool overflowed() const { return overflowed_; }
  operator JsonVariantConst() const { return JsonVariantConst(root()); }
  const void* root() const;

 private:
  friend class JsonMember;
  friend struct JsonAccess;
  void* node_ = nullptr;
  void* blocks_ = nullptr;  // stand for the memory that the real one takes
  bool overflowed_ = false;
};

size_t measureJson(const JsonVariantConst& value);
size_t serializeJson(const JsonVariantConst& value, char* out, size_t bytes);
// With a writer of one's own, as the real one: it has
// `size_t write(const uint8_t* bytes, size_t count)`.
using JsonSink = size_t (*)(void* writer, const uint8_t* bytes, size_t count);
size_t serializeInto(const JsonVariantConst& value, JsonSink sink,
                     void* writer);
template <typename Writer>
size_t serializeJson(const JsonVariantConst& value, Writer& writer) {
  return serializeInto(
      value,
      [](void* to, const uint8_t* bytes, size_t count) {
        return static_cast<Writer*>(to)->write(bytes, count);
      },
      &writer);
}
