#include "answers.h"

#include <Arduino.h>
#include <string.h>

#include "decimal.h"
#include "json_reader.h"

namespace smserver {
namespace {

constexpr uint32_t kDayS = 86400;

// The reasons of the protocol, section 2, in the order of Reason.
const char kReasons[] PROGMEM =
    "expired\0superseded\0bad_credential\0no_credential\0revoked\0"
    "wrong_role\0wrong_device\0pending\0unknown_device\0";

enum class Reason : uint8_t {
  Expired,
  Superseded,
  BadCredential,
  NoCredential,
  Revoked,
  WrongRole,
  WrongDevice,
  Pending,
  UnknownDevice,
  Other,
};

Reason parseReason(const char* body, size_t length) {
  char code[16] = "";
  char reason[16] = "";
  JsonReader reader(body, length);
  while (reader.next()) {
    reader.string("c", code, sizeof code);
    reader.string("r", reason, sizeof reason);
  }
  if (!reader.valid() || (strcmp_P(code, PSTR("FORBIDDEN")) != 0 &&
                          strcmp_P(code, PSTR("NOT_REGISTERED")) != 0)) {
    return Reason::Other;
  }
  PGM_P known = kReasons;
  uint8_t index = 0;
  for (; index < static_cast<uint8_t>(Reason::Other); ++index) {
    if (strcmp_P(reason, known) == 0) break;
    known += strlen_P(known) + 1;
  }
  return static_cast<Reason>(index);
}

}  // namespace

bool parseToken(const char* body, size_t length, TokenAnswer* out) {
  char code[4] = "";
  out->token[0] = out->user[0] = '\0';
  out->lifetimeS = out->nowS = 0;
  JsonReader reader(body, length);
  while (reader.next()) {
    reader.string("c", code, sizeof code);
    reader.string("t", out->token, sizeof out->token);
    reader.string("u", out->user, sizeof out->user);
    if (reader.is("x")) reader.number(&out->lifetimeS);
    if (reader.is("n")) reader.number(&out->nowS);
  }
  return reader.valid() && strcmp(code, "OK") == 0 &&
         isCredential(out->token, sizeof out->token - 1) &&
         isCredential(out->user, sizeof out->user - 1);
}

bool parseAddresses(const char* body, size_t length, AddressAnswer* out) {
  *out = AddressAnswer();
  char code[4] = "";
  bool good = true;
  JsonReader reader(body, length);
  while (reader.next()) {
    reader.string("c", code, sizeof code);
    const bool tls = reader.is("tls");
    if (!tls && !reader.is("ip")) continue;
    char text[SMSERVER_HOST_BYTES + 8];
    reader.string(text, sizeof text);
    good = good && parseAddress(text, strlen(text), tls,
                                tls ? &out->secure : &out->plain);
  }
  return good && reader.valid() && strcmp(code, "OK") == 0 &&
         (out->plain.port != 0 || out->secure.port != 0);
}

Refusal parseRefusal(int status, const char* body, size_t length,
                     bool withToken) {
  switch (status) {
    case 401:
      // A token can be too old, or signed with a secret that was changed since;
      // the key decides.
      if (parseReason(body, length) > Reason::NoCredential) break;
      return {SMError::BadCredential,
              withToken ? Remedy::AskWithKey : Remedy::WaitLong};
    case 403:
      switch (parseReason(body, length)) {
        case Reason::Revoked:
          return {SMError::Revoked, Remedy::WaitRevoked};
        case Reason::WrongRole:
          return {SMError::WrongRole, Remedy::WaitLong};
        case Reason::WrongDevice:
          return {SMError::BadCredential,
                  withToken ? Remedy::AskWithKey : Remedy::WaitLong};
        case Reason::Pending:
          return {SMError::Pending, Remedy::WaitAsTold};
        case Reason::UnknownDevice:
          return {SMError::UnknownDevice, Remedy::WaitAsTold};
        default:
          break;
      }
      break;
    case 409:
      return {SMError::Conflict, Remedy::BackOff};
    case 429:
      return {SMError::RateLimited, Remedy::WaitAsTold};
    case 503:
      return {SMError::ServerFault, Remedy::WaitAsTold};
  }
  return {status >= 500 ? SMError::ServerFault : SMError::BadAnswer,
          Remedy::BackOff};
}

uint32_t parseRetryAfter(const char* text) {
  uint32_t seconds;
  parseDecimal(text, strlen(text), &seconds);
  return seconds < kDayS ? seconds : kDayS;
}

uint32_t parseHttpDate(const char* text) {
  // Sun, 06 Nov 1994 08:49:37 GMT
  if (strlen(text) != 29 || strcmp_P(text + 25, PSTR(" GMT")) != 0) return 0;
  uint32_t day, year, hour, minute, second;
  if (!parseDecimal(text + 5, 2, &day) || !parseDecimal(text + 12, 4, &year) ||
      !parseDecimal(text + 17, 2, &hour) ||
      !parseDecimal(text + 20, 2, &minute) ||
      !parseDecimal(text + 23, 2, &second)) {
    return 0;
  }
  static const char kMonths[] PROGMEM = "MarAprMayJunJulAugSepOctNovDecJanFeb";
  uint32_t month = 0;  // from March on, so that the leap day is the last
  while (strncmp_P(text + 8, kMonths + 3 * month, 3) != 0) {
    if (++month == 12) return 0;
  }
  if (day - 1 > 30 || year - 1970 > 135 || hour > 23 || minute > 59 ||
      second > 60) {
    return 0;
  }
  if (month >= 10) --year;
  const uint32_t days = 365 * year + year / 4 - year / 100 + year / 400 +
                        (153 * month + 2) / 5 + day - 719469;
  return days * kDayS + (hour * 60 + minute) * 60 + second;
}

}  // namespace smserver
