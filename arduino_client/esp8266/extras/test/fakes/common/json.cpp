#include <string.h>

#include <nlohmann/json.hpp>

#include "ArduinoJson.h"
#include "test_control.h"

using nlohmann::json;

struct JsonAccess {
  static json*& node(JsonDocument& doc) {
    return reinterpret_cast<json*&>(doc.node_);
  }
  // Takes so much memory for a document; false when it is out.
  static bool grow(JsonDocument& doc, size_t bytes) {
    void** const block = reinterpret_cast<void**>(
        new (std::nothrow) char[sizeof(void*) + bytes]);
    doc.overflowed_ = doc.overflowed_ || block == nullptr;
    if (block == nullptr) return false;
    *block = doc.blocks_;
    doc.blocks_ = block;
    return true;
  }
  static void clear(JsonDocument& doc) {
    while (doc.blocks_ != nullptr) {
      void** const block = static_cast<void**>(doc.blocks_);
      doc.blocks_ = *block;
      delete[] reinterpret_cast<char*>(block);
    }
    doc.overflowed_ = false;
    fake::Uncounted scope;
    delete node(doc);
    node(doc) = nullptr;
  }
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
JsonDocument::~JsonDocument() { JsonAccess::clear(*this); }
JsonMember JsonDocument::operator[](const char* key) {
  return JsonMember(this, key, JsonVariantConst(node_)[key].node());
}
const void* JsonDocument::root() const { return node_; }

template <>
JsonVariant JsonDocument::to<JsonVariant>() {
  JsonAccess::clear(*this);
  fake::Uncounted scope;
  json* const root = new json();
  node_ = root;
  return JsonVariant(this, root);
}

namespace {

json* change(const JsonVariantConst& value) {
  return static_cast<json*>(const_cast<void*>(value.node()));
}

void assign(const JsonVariantConst& to, json value) {
  fake::Uncounted scope;
  if (json* const node = change(to)) *node = std::move(value);
}

constexpr size_t kSlotBytes = 16;

}  // namespace

template <>
JsonVariant JsonVariant::to<JsonVariant>() {
  assign(*this, nullptr);
  return *this;
}
template <>
JsonObject JsonVariant::to<JsonObject>() {
  fake::Uncounted scope;
  assign(*this, json::object());
  return JsonObject(doc_, change(*this));
}
template <>
JsonArray JsonVariant::to<JsonArray>() {
  fake::Uncounted scope;
  assign(*this, json::array());
  return JsonArray(doc_, change(*this));
}
void JsonVariant::setBool(bool value) { assign(*this, value); }
void JsonVariant::setInteger(long long value) { assign(*this, value); }
void JsonVariant::set(double value) { assign(*this, value); }
void JsonVariant::set(std::string_view value) {
  if (node_ == nullptr || !JsonAccess::grow(*doc_, value.size())) return;
  fake::Uncounted scope;
  assign(*this, std::string(value));
}

JsonVariant JsonVariant::operator[](std::string_view key) {
  if (node_ == nullptr) return {};
  if ((!change(*this)->is_object() || !change(*this)->contains(key)) &&
      !JsonAccess::grow(*doc_, kSlotBytes + key.size())) {
    return {};
  }
  fake::Uncounted scope;
  return JsonVariant(doc_, &(*change(*this))[std::string(key)]);
}
template <>
JsonVariant JsonVariant::add<JsonVariant>() {
  if (node_ == nullptr || !JsonAccess::grow(*doc_, kSlotBytes)) return {};
  fake::Uncounted scope;
  change(*this)->push_back(nullptr);
  return JsonVariant(doc_, &change(*this)->back());
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
