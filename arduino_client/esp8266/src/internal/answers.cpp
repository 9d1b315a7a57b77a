#include "answers.h"

#include <ArduinoJson.h>
#include <string.h>

namespace smserver {
namespace {

constexpr uint32_t kDayS = 86400;

bool isOk(JsonDocument& doc) {
  const char* code = doc["c"].as<const char*>();
  return code != nullptr && strcmp(code, "OK") == 0;
}

bool parseEndpoint(const char* text, bool tls, Endpoint* out) {
  return text == nullptr || parseAddress(text, strlen(text), tls, out);
}

// Two or four digits; -1 otherwise.
int digits(const char* text, int count) {
  int value = 0;
  for (int i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

}  // namespace

bool parseToken(const char* body, size_t length, TokenAnswer* out) {
  JsonDocument doc;
  if (deserializeJson(doc, body, length)) return false;
  if (!isOk(doc)) return false;
  const char* token = doc["t"].as<const char*>();
  const char* user = doc["u"].as<const char*>();
  if (!isCredential(token, sizeof out->token - 1)) return false;
  if (!isCredential(user, sizeof out->user - 1)) return false;
  copyText(token, out->token, sizeof out->token);
  copyText(user, out->user, sizeof out->user);
  out->lifetimeS = doc["x"].as<uint32_t>();
  out->nowS = doc["n"].as<uint32_t>();
  return true;
}

bool parseAddresses(const char* body, size_t length, AddressAnswer* out) {
  *out = AddressAnswer();
  JsonDocument doc;
  if (deserializeJson(doc, body, length)) return false;
  if (!isOk(doc)) return false;
  return parseEndpoint(doc["ip"].as<const char*>(), false, &out->plain) &&
         parseEndpoint(doc["tls"].as<const char*>(), true, &out->secure) &&
         (out->plain.port != 0 || out->secure.port != 0);
}

Refusal parseRefusal(int status, const char* body, size_t length,
                     bool withToken) {
  char reason[20] = "";
  {
    JsonDocument doc;
    if (!deserializeJson(doc, body, length)) {
      const char* text = doc["r"].as<const char*>();
      if (text == nullptr || !copyText(text, reason, sizeof reason)) {
        reason[0] = '\0';
      }
    }
  }
  switch (status) {
    case 401:
      // A token can be too old, or signed with a secret that was changed since;
      // the key decides.
      if (withToken) return {SMError::BadCredential, Remedy::AskWithKey};
      return {SMError::BadCredential, Remedy::WaitLong};
    case 403:
      if (strcmp(reason, "pending") == 0) {
        return {SMError::Pending, Remedy::WaitAsTold};
      }
      if (strcmp(reason, "unknown_device") == 0) {
        return {SMError::UnknownDevice, Remedy::WaitAsTold};
      }
      if (strcmp(reason, "wrong_role") == 0) {
        return {SMError::WrongRole, Remedy::WaitLong};
      }
      if (strcmp(reason, "wrong_device") == 0 && withToken) {
        return {SMError::BadCredential, Remedy::AskWithKey};
      }
      return {SMError::Revoked, Remedy::WaitLong};
    case 429:
      return {SMError::RateLimited, Remedy::WaitAsTold};
    case 503:
      return {SMError::ServerFault, Remedy::WaitAsTold};
    default:
      return {status >= 500 ? SMError::ServerFault : SMError::BadAnswer,
              Remedy::BackOff};
  }
}

uint32_t parseRetryAfter(const char* text) {
  uint32_t seconds = 0;
  if (*text == '\0') return 0;
  for (; *text != '\0'; ++text) {
    if (*text < '0' || *text > '9') return 0;
    seconds = seconds * 10 + static_cast<uint32_t>(*text - '0');
    if (seconds > kDayS) return kDayS;
  }
  return seconds;
}

uint32_t parseHttpDate(const char* text) {
  // Sun, 06 Nov 1994 08:49:37 GMT
  if (strlen(text) != 29 || strcmp(text + 25, " GMT") != 0) return 0;
  static const char kMonths[] PROGMEM = "JanFebMarAprMayJunJulAugSepOctNovDec";
  int month = 0;
  while (month < 12 && strncmp_P(text + 8, kMonths + 3 * month, 3) != 0) {
    ++month;
  }
  const int day = digits(text + 5, 2), year = digits(text + 12, 4);
  const int hour = digits(text + 17, 2), minute = digits(text + 20, 2);
  const int second = digits(text + 23, 2);
  if (month == 12 || day < 1 || day > 31 || year < 1970 || year > 2105 ||
      hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second > 60) {
    return 0;
  }
  // Days since 1970-01-01, with March as the first month of the year.
  const int y = month < 2 ? year - 1 : year;
  const int m = month < 2 ? month + 10 : month - 2;
  const int32_t days =
      365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 719469;
  return static_cast<uint32_t>(days) * kDayS +
         static_cast<uint32_t>(hour * 3600 + minute * 60 + second);
}

}  // namespace smserver
