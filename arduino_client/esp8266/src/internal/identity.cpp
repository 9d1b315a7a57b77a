#include "identity.h"

#include <string.h>

#include "decimal.h"
#include "text_writer.h"

namespace smserver {
namespace {

bool isHostChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool parsePort(const char* text, size_t length, uint16_t* out) {
  uint32_t port;
  if (length > 5 || !parseDecimal(text, length, &port)) return false;
  if (port == 0 || port > 65535) return false;
  *out = static_cast<uint16_t>(port);
  return true;
}

// host[:port], with the host of an IPv6 address in brackets. Leaves the port
// alone when there is none.
bool parseHostPort(const char* text, size_t length, Endpoint* out) {
  const char* const end = text + length;
  const bool v6 = length > 0 && *text == '[';
  const char* const host = v6 ? text + 1 : text;
  const char* at = host;
  for (; at < end && *at != (v6 ? ']' : ':'); ++at) {
    if (!isHostChar(*at) && *at != ':') return false;
  }
  const size_t host_bytes = static_cast<size_t>(at - host);
  if (host_bytes == 0 || host_bytes >= sizeof out->host) return false;
  if (v6 && at++ == end) return false;
  memcpy(out->host, host, host_bytes);
  out->host[host_bytes] = '\0';
  if (at == end) return true;
  return *at == ':' &&
         parsePort(at + 1, static_cast<size_t>(end - at - 1), &out->port);
}

}  // namespace

bool parseUuid(const char* text, char (&out)[kUuidBytes]) {
  if (text == nullptr || strnlen(text, kUuidBytes) != kUuidBytes - 1) {
    return false;
  }
  bool alike = true;  // all digits
  for (size_t i = 0; i < kUuidBytes - 1; ++i) {
    char c = text[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') return false;
    } else {
      if (hexDigit(c) > 15) return false;
      c = static_cast<char>(c | 0x20);  // digits have that bit
      alike = alike && c == (text[0] | 0x20);
    }
    out[i] = c;
  }
  out[kUuidBytes - 1] = '\0';
  return !alike || (out[0] != '0' && out[0] != 'f');
}

bool parseHost(const char* text, bool tls, Endpoint* out) {
  if (text == nullptr) return false;
  out->tls = tls;
  if (strncmp_P(text, PSTR("http://"), 7) == 0) {
    text += 7;
    out->tls = false;
  } else if (strncmp_P(text, PSTR("https://"), 8) == 0) {
    text += 8;
    out->tls = true;
  }
  out->port = out->tls ? 443 : 80;
  size_t length = strlen(text);
  if (length > 0 && text[length - 1] == '/') --length;
  return parseHostPort(text, length, out);
}

bool parseAddress(const char* text, size_t length, bool tls, Endpoint* out) {
  out->port = 0;
  out->tls = tls;
  return parseHostPort(text, length, out) && out->port != 0;
}

bool isCredential(const char* text, size_t maxBytes) {
  if (text == nullptr || *text == '\0') return false;
  size_t length = 0;
  for (; text[length] != '\0'; ++length) {
    if (length >= maxBytes || text[length] <= ' ' || text[length] >= 0x7F) {
      return false;
    }
  }
  return true;
}

bool copyText(const char* from, char* to, size_t capacity) {
  const size_t length = strnlen(from, capacity);
  if (length >= capacity) return false;
  memcpy(to, from, length + 1);
  return true;
}

void deviceTopic(const char* uuid, PGM_P leaf, char (&out)[kTopicBytes]) {
  TextWriter topic(out, sizeof out);
  topic.put(F("device/")).put(uuid).put('/');
  topic.put(reinterpret_cast<const __FlashStringHelper*>(leaf));
  topic.terminate();
}

}  // namespace smserver
