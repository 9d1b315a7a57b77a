#pragma once

#include <Arduino.h>
#include <stddef.h>
#include <stdint.h>

#include "SMServerConfig.h"

// What the connection is doing. See docs/protocol.md, "What a device does".
enum class SMState : uint8_t {
  Stopped,            // begin() was not called, or failed
  WaitingForWifi,     // the sketch or the SDK joins the network
  SettingClock,       // asks for the time, to check certificates
  RequestingToken,    // GET /auth/devices/request
  RequestingAddress,  // GET /mqtt
  Pairing,            // a request of pairingCode(), pair(), unpair(), agents()
  Connecting,         // TCP, TLS and MQTT CONNECT
  Online,             // messages flow
  Waiting,            // for the next try, see retryInMs()
};

enum class SMError : uint8_t {
  None,
  // Misuse. `detail` in brackets.
  NotBegun,        // begin() was not called, or failed
  BadHost,         // host is empty, too long or malformed
  BadUuid,         // not an RFC 9562 UUID, or nil or max
  BadKey,          // key is empty, too long or has blanks in it
  NoTrust,         // https:// without SMServerTls, or the reverse
  BadFingerprint,  // of SMServerTls: malformed
  BadCertificate,  // of SMServerTls: not a PEM certificate
  BadTopic,        // neither a link that was added nor the device's own
  BadPayload,      // not a JSON object
  BadCode,         // a pairing code is six digits
  TooLong,         // does not fit the packet buffer, or is a record of more
                   // than 4 KiB [bytes needed]
  QueueFull,       // larger than the ring altogether, or no room [bytes]
  Busy,            // the pairing request before is not answered yet
  NotConnected,    // send() while offline
  NotPaired,       // send() on a link that the broker refuses
  OutOfMemory,     // [bytes wanted]
  StorageFailed,   // flash [KVError]
  // Network
  WifiLost,
  NameNotFound,     // DNS
  HttpUnreachable,  // [0 no connection, or an SMHttpFault]
  TlsFailed,        // [error of BearSSL or mbedTLS]
  BadAnswer,        // not what the protocol says [HTTP status]
  NoTlsBroker,      // the server offers no MQTT over TLS: see plainMqtt
  // The server refuses. [HTTP status]
  BadCredential,   // 401 with the device's own key: asks again hourly
  Revoked,         // 403: asks again after 5 minutes, doubling to an hour
  WrongRole,       // 403: asks again hourly
  Pending,         // waits for approval
  UnknownDevice,   // the server takes registered devices only
  RateLimited,     // 429
  ServerFault,     // 5xx
  PairingRefused,  // unknown agent, wrong or expired code, not one's agent
  Conflict,        // 409: already paired, or no room for one more agent
  // The broker. [PubSubClient's state()]
  BrokerUnreachable,
  BrokerRefused,  // CONNACK 4 or 5: the token is dropped
  BrokerClosed,   // closed, or silent, before CONNACK
  ConnectionLost,
  BadPacket,         // the broker broke the MQTT protocol; disconnected
  MessageTooLong,    // incoming, larger than the packet buffer [bytes]
  SubscribeRefused,  // not allowed, for instance not paired
};

struct SMErrorInfo {
  SMError code = SMError::None;
  int32_t detail = 0;
};

// The `detail` of HttpUnreachable.
enum SMHttpFault : int8_t {
  kSMHttpNotSent = -1,   // the connection broke while sending
  kSMHttpClosed = -2,    // it was closed before there was an answer
  kSMHttpTimeout = -3,   // the answer was not whole in time
  kSMHttpNotHttp = -4,   // what came is not HTTP
  kSMHttpNoMemory = -5,  // too little heap
};

const __FlashStringHelper* toString(SMState state);
const __FlashStringHelper* toString(SMError error);
// What to do about an error, one sentence for whoever reads the serial port.
const __FlashStringHelper* advice(SMError error);

// Since begin(); they wrap.
struct SMCounters {
  uint32_t httpRequests = 0;
  uint32_t tokens = 0;       // tokens received
  uint32_t connects = 0;     // MQTT connections that were accepted
  uint32_t refusals = 0;     // CONNACK 4 or 5
  uint32_t disconnects = 0;  // connections lost while online
  uint32_t published = 0;    // packets handed to the network
  uint32_t received = 0;     // messages that reached this device
  uint32_t echoes = 0;       // own messages that came back, not counted above
  uint32_t pings = 0;        // PINGs sent
  uint32_t pongs = 0;        // PONGs received
  uint32_t commands = 0;     // commands acted on
  uint32_t repeatedCommands = 0;  // answered from memory
  // Telemetry records: taken by publishData(), sent (each time), acknowledged
  // by the server, and lost because the ring was full.
  uint32_t records = 0;
  uint32_t sentTelemetry = 0;
  uint32_t acknowledgedTelemetry = 0;
  uint32_t droppedTelemetry = 0;
  uint32_t droppedMessages = 0;  // pushed out of the queue behind message()
  uint32_t ignored = 0;          // not understood, retained, or of no interest
  uint32_t oversized = 0;        // incoming packets over the packet buffer
};

// A message on a link topic. Topic and payload end in NUL and belong to the
// library: they are valid until the callback returns.
struct SMMessage {
  const char* topic;
  const char* payload;
  size_t length;
};

// A message taken from the queue with message(); owns its text.
struct SMQueuedMessage {
  String topic;
  String payload;
};

// The answer to pairingCode(), pair(), unpair() or agents(). The texts belong
// to the library: they are valid until the callback returns.
struct SMPairing {
  enum class Request : uint8_t { Code, Pair, Unpair, Agents };
  Request request;
  SMErrorInfo error;         // None: it worked
  const char* code;          // Code: six digits, to be shown to a person
  uint32_t validS;           // Code: how long it is good
  const char* uuid;          // Pair, Unpair: the agent that was asked about
  const char* const* uuids;  // Agents: one page of them, in order
  size_t count;
  bool more;  // Agents: ask again, after the last of these
};

// What `about` says of a telemetry field; the texts must outlive the SMServer.
struct SMField {
  const char* name;
  const char* unit;  // "°C", null for none
  const char* kind;  // "temperature", null for none
};

// The same of a command; `arguments` is JSON, {"on":"bool"}, or null.
struct SMCommandInfo {
  const char* name;
  const char* arguments;
};

namespace smserver {
class TlsProvider;
class RecordFile;
}  // namespace smserver

struct SMServerOptions {
  // An SMServerTls: certificates for https:// hosts and MQTT over TLS; null
  // speaks plain text.
  smserver::TlsProvider* tls = nullptr;
  // With an https:// host: MQTT without TLS, at the broker's plain address. The
  // token and all messages can then be read on the way. For servers that offer
  // no TLS listener for MQTT, for instance on Railway.
  bool plainMqtt = false;
  // An SMFileRing: records that wait longer are kept in a file, and survive a
  // restart.
  smserver::RecordFile* recordFile = nullptr;
  // Name and version of the sketch, for the server's list of devices.
  const char* firmware = nullptr;
  // Largest MQTT packet, 512 to 16,384 bytes. Held twice.
  uint16_t packetBytes = SMSERVER_PACKET_BYTES;
  // Ring of records, and queue behind message(); 0 switches either off.
  uint16_t outboxBytes = SMSERVER_OUTBOX_BYTES;
  uint16_t inboxBytes = SMSERVER_INBOX_BYTES;
  // Key-value store, see KV::begin(). Under 1,024 tokens may not fit.
  uint16_t storeBytes = SMSERVER_STORE_BYTES;
  // MQTT keep-alive in seconds.
  uint16_t keepAliveS = SMSERVER_KEEPALIVE_S;
  // Numbers records ("b", "n"), so that the server stores each once and
  // acknowledges it; they are kept and sent again until then.
  bool numberTelemetry = true;
  // Adds "ts" to records that are not sent at once, when they have none, so
  // that the server stores when they were made.
  bool stampTelemetry = true;
  // Answers a PING of others on the ping and link topics with PONG.
  bool answerPings = true;
};
