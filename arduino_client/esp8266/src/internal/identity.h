#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../SMServerConfig.h"
#include "../SMServerTypes.h"

namespace smserver {

constexpr size_t kUuidBytes = 37;  // with NUL

// A place to connect to.
struct Endpoint {
  char host[SMSERVER_HOST_BYTES] = "";
  uint16_t port = 0;
  bool tls = false;
};

// Copies a UUID in lower case; false unless it has the form of RFC 9562 and is
// neither the nil nor the max UUID.
bool parseUuid(const char* text, char (&out)[kUuidBytes]);

// "host", "host:port", "[v6]:port", each with http:// or https:// before it or
// not, and at most one slash behind. Without a scheme `tls` decides, without a
// port 80 or 443 is taken.
bool parseHost(const char* text, bool tls, Endpoint* out);

// "host:port" as GET /mqtt gives it; the port is required.
bool parseAddress(const char* text, size_t length, bool tls, Endpoint* out);

// A credential goes into a header line: printable ASCII without blanks.
bool isCredential(const char* text, size_t maxBytes);

// Length-limited NUL-terminated copy; false when it does not fit.
bool copyText(const char* from, char* to, size_t capacity);

// A topic of a device, "device/<uuid>/<leaf>". The leaf lies in PROGMEM.
constexpr size_t kTopicBytes = 7 + 36 + 1 + 7 + 1;
void deviceTopic(const char* uuid, PGM_P leaf, char (&out)[kTopicBytes]);

}  // namespace smserver
