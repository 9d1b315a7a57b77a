#include "SMServerTypes.h"

#include "internal/text_list.h"

using smserver::textAt;

// One line for each value, in the order of its enumeration: the texts lie one
// behind the other in flash, and a value is the index of its text. A switch
// would keep a table of their addresses, which the ESP8266 holds in RAM.

#define SM_STATES(X)                         \
  X(Stopped, "stopped")                      \
  X(WaitingForWifi, "waiting for Wi-Fi")     \
  X(SettingClock, "setting clock")           \
  X(RequestingToken, "requesting token")     \
  X(RequestingAddress, "requesting address") \
  X(Pairing, "pairing")                      \
  X(Connecting, "connecting")                \
  X(Online, "online")                        \
  X(Waiting, "waiting")

// Name, what toString() says, what advice() says.
#define SM_ERRORS(X)                                                          \
  X(None, "none", "nothing to do")                                            \
  X(NotBegun, "not begun", "call begin() first")                              \
  X(BadHost, "bad host", "write it as name:port, with https:// for TLS")      \
  X(BadUuid, "bad uuid", "use a UUID as uuidgen prints it")                   \
  X(BadKey, "bad key", "copy the device key from the server again")           \
  X(NoTrust, "no trust", "https:// needs options.tls, http:// none")          \
  X(BadFingerprint, "bad fingerprint",                                        \
    "ESP8266: SHA-1 in hexadecimal, ESP32: SHA-256")                          \
  X(BadCertificate, "bad certificate", "paste the whole PEM, BEGIN to END")   \
  X(BadTopic, "bad topic", "use linkTopic(), or addLink() first")             \
  X(BadPayload, "bad payload", "send one JSON object, in UTF-8")              \
  X(BadCode, "bad code", "a pairing code is six digits")                      \
  X(TooLong, "too long", "raise options.packetBytes")                         \
  X(QueueFull, "queue full", "raise options.outboxBytes")                     \
  X(Busy, "busy", "wait for the answer to the pairing request")               \
  X(NotConnected, "not connected", "wait for the state online")               \
  X(NotPaired, "not paired", "pair the two devices")                          \
  X(OutOfMemory, "out of memory", "free some heap; it is tried again")        \
  X(StorageFailed, "storage failed",                                          \
    "if it stays: flash or file system is worn")                              \
  X(WifiLost, "Wi-Fi lost", "check the access point")                         \
  X(NameNotFound, "name not found", "check the host's name and DNS")          \
  X(HttpUnreachable, "server unreachable",                                    \
    "check that the server runs, host and port")                              \
  X(TlsFailed, "TLS failed", "check the authority or fingerprint")            \
  X(BadAnswer, "bad answer",                                                  \
    "something else answers: check host and port; 301, 308: use https://")    \
  X(NoTlsBroker, "no TLS broker",                                             \
    "set MQTT_TLS_HOST on the server, or options.plainMqtt")                  \
  X(BadCredential, "bad credential",                                          \
    "the key is not this UUID's: copy it again")                              \
  X(Revoked, "revoked", "an operator must restore the device")                \
  X(WrongRole, "wrong role", "use the key of the role it is registered in")   \
  X(Pending, "pending", "an operator must approve the device")                \
  X(UnknownDevice, "unknown device", "add the UUID on the server")            \
  X(RateLimited, "rate limited", "it is tried again")                         \
  X(ServerFault, "server fault", "look into the server's log")                \
  X(PairingRefused, "pairing refused",                                        \
    "check the agent's UUID, and ask it for a new code")                      \
  X(Conflict, "conflict", "already paired, or the master has too many")       \
  X(BrokerUnreachable, "broker unreachable",                                  \
    "check the broker, and MQTT_HOST on the server")                          \
  X(BrokerRefused, "broker refused", "a new token is asked for")              \
  X(BrokerClosed, "broker closed", "the broker is busy, or not at MQTT_HOST") \
  X(ConnectionLost, "connection lost", "it is tried again")                   \
  X(BadPacket, "bad packet", "MQTT_HOST may name something else")             \
  X(MessageTooLong, "message too long", "raise options.packetBytes")          \
  X(SubscribeRefused, "subscribe refused", "pair the two devices")

namespace {

#define SM_ORDER(name, ...) name,
enum class StateOrder : uint8_t { SM_STATES(SM_ORDER) };
enum class ErrorOrder : uint8_t { SM_ERRORS(SM_ORDER) };
#undef SM_ORDER

#define SM_SAME(name, ...)                                  \
  static_assert(static_cast<uint8_t>(SMState::name) ==      \
                    static_cast<uint8_t>(StateOrder::name), \
                "the texts are in the order of SMState");
SM_STATES(SM_SAME)
#undef SM_SAME
#define SM_SAME(name, ...)                                  \
  static_assert(static_cast<uint8_t>(SMError::name) ==      \
                    static_cast<uint8_t>(ErrorOrder::name), \
                "the texts are in the order of SMError");
SM_ERRORS(SM_SAME)
#undef SM_SAME

// The last text stands for a value that is none of the enumeration.
#define SM_FIRST(name, text, ...) text "\0"
#define SM_SECOND(name, text, advice) advice "\0"
const char kStates[] PROGMEM = SM_STATES(SM_FIRST) "?";
const char kErrors[] PROGMEM = SM_ERRORS(SM_FIRST) "?";
const char kAdvice[] PROGMEM = SM_ERRORS(SM_SECOND) "?";
#undef SM_FIRST
#undef SM_SECOND

#define SM_COUNT(...) +1
constexpr uint8_t kStateCount = 0 SM_STATES(SM_COUNT);
constexpr uint8_t kErrorCount = 0 SM_ERRORS(SM_COUNT);
#undef SM_COUNT

}  // namespace

const __FlashStringHelper* toString(SMState state) {
  return textAt(kStates, static_cast<uint8_t>(state), kStateCount);
}

const __FlashStringHelper* toString(SMError error) {
  return textAt(kErrors, static_cast<uint8_t>(error), kErrorCount);
}

const __FlashStringHelper* advice(SMError error) {
  return textAt(kAdvice, static_cast<uint8_t>(error), kErrorCount);
}

#undef SM_STATES
#undef SM_ERRORS
