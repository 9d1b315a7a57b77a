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
  Connecting,         // TCP, TLS and MQTT CONNECT
  Online,             // messages flow
  Waiting,            // for the next try, see retryInMs()
};

enum class SMError : uint8_t {
  None,
  // Misuse. `detail` in brackets.
  NotBegun,       // begin() was not called, or failed
  BadHost,        // host is empty, too long or malformed
  BadUuid,        // not an RFC 9562 UUID, or nil or max
  BadKey,         // key is empty, too long or has blanks in it
  NoTrust,        // https:// without SMServerTls, or the reverse
  BadTopic,       // empty, a wildcard, or no such link topic
  BadPayload,     // no JSON object
  TooLong,        // does not fit the packet buffer [bytes needed]
  QueueFull,      // larger than the offline ring altogether [bytes]
  NotConnected,   // send() while offline
  OutOfMemory,    // [bytes wanted]
  StorageFailed,  // flash [KVError]
  // Network
  WifiLost,
  NameNotFound,     // DNS
  HttpUnreachable,  // [HTTPClient's negative code, or 0]
  TlsFailed,        // [BearSSL's error]
  BadAnswer,        // not what the protocol says [HTTP status]
  // The server refuses. [HTTP status]
  BadCredential,  // 401 with the device's own key: asks again hourly
  Revoked,        // 403: asks again hourly
  WrongRole,      // 403: asks again hourly
  Pending,        // waits for approval
  UnknownDevice,  // the server takes registered devices only
  RateLimited,    // 429
  ServerFault,    // 5xx
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

const __FlashStringHelper* toString(SMState state);
const __FlashStringHelper* toString(SMError error);

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
  uint32_t droppedTelemetry = 0;  // pushed out of the offline ring
  uint32_t droppedMessages = 0;   // pushed out of the queue behind message()
  uint32_t ignored = 0;    // not understood, or on a topic of no interest
  uint32_t oversized = 0;  // incoming packets over the packet buffer
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

namespace smserver {
class TlsProvider;
}

struct SMServerOptions {
  // An SMServerTls: certificates for https:// hosts and MQTT over TLS; null
  // speaks plain text.
  smserver::TlsProvider* tls = nullptr;
  // Largest MQTT packet, 512 to 16,384 bytes. Held twice.
  uint16_t packetBytes = SMSERVER_PACKET_BYTES;
  // Offline ring and queue behind message(); 0 switches either off.
  uint16_t outboxBytes = SMSERVER_OUTBOX_BYTES;
  uint16_t inboxBytes = SMSERVER_INBOX_BYTES;
  // Key-value store, see KV::begin(). Under 1,024 tokens may not fit.
  uint16_t storeBytes = SMSERVER_STORE_BYTES;
  // MQTT keep-alive in seconds.
  uint16_t keepAliveS = SMSERVER_KEEPALIVE_S;
  // Adds "ts" to records made while offline, when the time is known and they
  // have none, so that the server stores when they were made.
  bool stampTelemetry = true;
  // Answers a PING of others on the ping and link topics with PONG.
  bool answerPings = true;
};
