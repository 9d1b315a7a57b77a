#pragma once

#include <stddef.h>
#include <stdint.h>

#include "identity.h"

namespace smserver {

// What the HTTP side of the server said (docs/protocol.md, section 2).
struct TokenAnswer {
  char token[SMSERVER_TOKEN_BYTES];
  char user[SMSERVER_USER_BYTES];
  uint32_t lifetimeS;  // 0 when not told
  uint32_t nowS;       // server's time, 0 when not told
};

struct AddressAnswer {
  Endpoint plain;   // port 0 when not given
  Endpoint secure;  // port 0 when not given
};

// What to do about an answer that is not OK. The waits come last.
enum class Remedy : uint8_t {
  AskWithKey,  // the token is no longer good: ask with the device's key
  BackOff,
  WaitAsTold,   // Retry-After
  WaitLong,     // only a person can change it
  WaitRevoked,  // a person may restore the device
};

struct Refusal {
  SMError error;
  Remedy remedy;
};

// Parse a body of status 200. False when it is not what the protocol says.
bool parseToken(const char* body, size_t length, TokenAnswer* out);
bool parseAddresses(const char* body, size_t length, AddressAnswer* out);

// Reads an error answer. `withToken` tells whether the credential was a token.
// A 401 or 403 without `c` and `r` of the protocol is somebody else's, for
// instance a proxy's: BadAnswer.
Refusal parseRefusal(int status, const char* body, size_t length,
                     bool withToken);

// Retry-After in seconds; 0 when absent, a date or malformed; a day at most.
uint32_t parseRetryAfter(const char* text);
// An HTTP date (RFC 9110, 5.6.7, the IMF form) as Unix seconds, 0 if malformed.
uint32_t parseHttpDate(const char* text);

}  // namespace smserver
