#include <string.h>

#include <nlohmann/json.hpp>

#include "ArduinoJson.h"
#include "test_control.h"

using nlohmann::json;

struct JsonAccess {
  static json*& node(JsonDocument& doc) {
    return reinterpret_cast<json*&>(doc.node_);
  }
  static char*& block(JsonDocument& doc) { return doc.block_; }
};

namespace {

const json* of(const void* node) { return static_cast<const json*>(node); }

// As the real one: strings go out byte for byte, and raw text, which is kept
// as binary, as it is.
std::string dump(const json& value) {
  if (value.is_binary()) {
    const auto& raw = value.get_binary();
    return std::string(raw.begin(), raw.end());
  }
  std::string out;
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      out += (out.empty() ? "" : ",") + json(key).dump() + ":" + dump(member);
    }
    return "{" + out + "}";
  }
  if (value.is_array()) {
    for (const json& element : value) {
      out += (out.empty() ? "" : ",") + dump(element);
    }
    return "[" + out + "]";
  }
  try {
    return value.dump();
  } catch (const json::type_error&) {
    return "\"" + value.get<std::string>() + "\"";  // not UTF-8
  }
}

std::string dump(const JsonVariantConst& value) {
  return value.node() == nullptr ? "null" : dump(*of(value.node()));
}

json& member(JsonDocument* doc, const char* key) {
  json*& root = JsonAccess::node(*doc);
  if (root == nullptr) root = new json(json::object());
  if (!root->is_object()) *root = json::object();
  return (*root)[key];
}

}  // namespace

bool JsonVariantConst::isNull() const {
  return node_ == nullptr || of(node_)->is_null();
}
JsonVariantConst JsonVariantConst::operator[](const char* key) const {
  if (node_ == nullptr || !of(node_)->is_object()) return {};
  const auto at = of(node_)->find(key);
  return at == of(node_)->end() ? JsonVariantConst() : JsonVariantConst(&*at);
}
size_t JsonVariantConst::size() const {
  return node_ != nullptr && of(node_)->is_structured() ? of(node_)->size() : 0;
}
template <>
const char* JsonVariantConst::as<const char*>() const {
  return node_ != nullptr && of(node_)->is_string()
             ? of(node_)->get_ref<const std::string&>().c_str()
             : nullptr;
}
template <>
uint32_t JsonVariantConst::as<uint32_t>() const {
  // Out of range is 0 in ArduinoJson.
  if (node_ == nullptr || !of(node_)->is_number()) return 0;
  const double value = of(node_)->get<double>();
  return value < 0 || value > 4294967295.0 ? 0 : static_cast<uint32_t>(value);
}
template <>
int JsonVariantConst::as<int>() const {
  return node_ != nullptr && of(node_)->is_number() ? of(node_)->get<int>() : 0;
}
template <>
bool JsonVariantConst::as<bool>() const {
  if (isNull()) return false;
  return of(node_)->is_boolean() ? of(node_)->get<bool>() : as<int>() != 0;
}
bool JsonVariantConst::operator|(bool fallback) const {
  return node_ != nullptr && of(node_)->is_boolean() ? of(node_)->get<bool>()
                                                     : fallback;
}
long JsonVariantConst::operator|(int fallback) const {
  return node_ != nullptr && of(node_)->is_number_integer()
             ? of(node_)->get<long>()
             : fallback;
}
const char* JsonVariantConst::operator|(const char* fallback) const {
  const char* text = as<const char*>();
  return text == nullptr ? fallback : text;
}

void JsonMember::setInteger(long long value) {
  fake::Uncounted scope;
  member(doc_, key_) = value;
}
void JsonMember::operator=(bool value) {
  fake::Uncounted scope;
  member(doc_, key_) = value;
}
void JsonMember::operator=(double value) {
  fake::Uncounted scope;
  member(doc_, key_) = value;
}
void JsonMember::operator=(const char* value) {
  fake::Uncounted scope;
  if (value == nullptr) {
    member(doc_, key_) = nullptr;
  } else {
    member(doc_, key_) = value;
  }
}

void JsonMember::operator=(SerializedValue value) {
  fake::Uncounted scope;
  const std::string text = value.text;
  member(doc_, key_) = json::binary({text.begin(), text.end()});
}

JsonDocument::JsonDocument() = default;
JsonDocument::~JsonDocument() {
  delete[] block_;
  fake::Uncounted scope;
  delete static_cast<json*>(node_);
}
JsonMember JsonDocument::operator[](const char* key) {
  return JsonMember(this, key, JsonVariantConst(node_)[key].node());
}
const void* JsonDocument::root() const { return node_; }

DeserializationError deserializeJson(JsonDocument& doc, const char* text,
                                     size_t length) {
  delete[] JsonAccess::block(doc);
  JsonAccess::block(doc) = new (std::nothrow) char[length + 1];
  if (JsonAccess::block(doc) == nullptr) return DeserializationError::NoMemory;
  fake::Uncounted scope;
  delete JsonAccess::node(doc);
  JsonAccess::node(doc) = nullptr;
  // Real one: 10 levels, and text behind the first value does not matter to it.
  int depth = 0;
  bool deep = false;
  json parsed = json::parse(
      text, text + length,
      [&](int level, json::parse_event_t, json&) {
        depth = level;
        deep = deep || level > 10;
        return true;
      },
      false);
  if (parsed.is_discarded() || deep) return DeserializationError::InvalidInput;
  JsonAccess::node(doc) = new json(std::move(parsed));
  return DeserializationError::Ok;
}

size_t measureJson(const JsonVariantConst& value) {
  fake::Uncounted scope;
  return dump(value).size();
}

size_t serializeJson(const JsonVariantConst& value, char* out, size_t bytes) {
  fake::Uncounted scope;
  const std::string text = dump(value);
  if (bytes == 0) return 0;
  const size_t taken = text.size() < bytes ? text.size() : bytes - 1;
  memcpy(out, text.data(), taken);
  out[taken] = '\0';
  return taken;
}

size_t serializeInto(const JsonVariantConst& value, JsonSink sink,
                     void* writer) {
  fake::Uncounted scope;
  const std::string text = dump(value);
  // In pieces, as the real one writes.
  size_t written = 0;
  for (size_t at = 0; at < text.size(); at += 3) {
    const size_t count = text.size() - at < 3 ? text.size() - at : 3;
    written +=
        sink(writer, reinterpret_cast<const uint8_t*>(text.data()) + at, count);
  }
  return written;
}
