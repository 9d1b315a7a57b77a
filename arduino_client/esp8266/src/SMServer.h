#pragma once

#include <Arduino.h>
#include <ArduinoJson.h>

#include <functional>
#include <optional>

#include "KV.h"
#include "SMResult.h"
#include "SMServerConfig.h"
#include "SMServerTypes.h"
#include "internal/byte_ring.h"
#include "internal/command_memory.h"
#include "internal/connection.h"
#include "internal/echo.h"
#include "internal/esp_transport.h"
#include "internal/session_store.h"
#include "internal/subscriptions.h"

// A device of Simple IoT Server: gets a token, finds the broker, connects, and
// stays connected. The sketch joins the Wi-Fi network, calls begin() once and
// loop() for ever. Speaks docs/protocol.md.
//
// Nothing here blocks but the network calls that loop() makes, one a call and
// SMSERVER_NETWORK_MS each, and writes to flash (see KV). Callbacks run inside
// loop() and may publish.
class SMServer {
 public:
  using MessageCallback = std::function<void(const SMMessage& message)>;
  using CommandCallback =
      std::function<SMResult(const char* name, JsonVariantConst arguments)>;

  // `host` is a name or an address, with ":port" and "http://" or "https://" if
  // need be. `key` is a device key, or the secret of the role. The texts are
  // not copied: they must outlive this object.
  SMServer(const char* host, const char* uuid, const char* key,
           const SMServerOptions& options = SMServerOptions())
      : host_(host), uuid_(uuid), key_(key), options_(options) {}
  ~SMServer() { end(); }
  SMServer(const SMServer&) = delete;
  SMServer& operator=(const SMServer&) = delete;

  // Checks the arguments and allocates all that lasts. False, with lastError(),
  // when that fails; nothing is allocated then.
  bool begin();
  // Call it in every pass of the sketch's loop().
  void loop();
  // Disconnects and frees everything; in a callback, once that has returned.
  void end();

  // Sends one telemetry record, a JSON object, on device/<uuid>/data. While
  // offline it goes into a ring, from which the oldest are dropped. Errors:
  // NotBegun, BadPayload, TooLong, QueueFull, NotConnected (no ring), and
  // OutOfMemory.
  SMError publishData(const char* json);
  SMError publishData(const char* json, size_t length);
  SMError publishData(const JsonDocument& json);

  // Sends on a topic, usually a link topic, at once. Errors: NotBegun,
  // BadTopic, TooLong, NotConnected, OutOfMemory.
  SMError send(const char* topic, const char* payload);
  SMError send(const char* topic, const char* payload, size_t length);
  SMError send(const char* topic, const JsonDocument& json);

  // The topic of a link: "device/<uuid>/master", with this device's own UUID
  // for the link it shares with its master or all of its agents.
  String linkTopic(const char* uuid) const;
  String linkTopic() const { return linkTopic(uuid_); }
  // Listens to the link topic of another device: an agent to its master's, a
  // master to one agent's. Can be called before begin() and before the devices
  // are paired. Errors: BadUuid, QueueFull (SMSERVER_MAX_LINKS).
  SMError addLink(const char* uuid);
  void removeLink(const char* uuid);

  // Messages on link topics, but for own echoes and answered PINGs.
  void onMessage(MessageCallback callback) { onMessage_ = std::move(callback); }
  // Without onMessage, they wait in a queue of fixed size; this takes the
  // oldest.
  std::optional<SMQueuedMessage> message();
  // Commands of the server. What the callback returns becomes the reply.
  void onCommand(CommandCallback callback) { onCommand_ = std::move(callback); }

  // Asks the server for a PONG. Errors: NotBegun, NotConnected.
  SMError ping();
  // Milliseconds that the last PONG took, 0 when there was none yet.
  uint32_t pingMs() const { return pingMs_; }

  bool isConnected() const { return connection_.online(); }
  // Has a token.
  bool isRegistered() const { return connection_.registered(); }
  SMState state() const { return connection_.state(); }
  // Of the last thing that went wrong, by a call or on its own.
  SMErrorInfo lastError() const { return error_; }
  void clearError() { error_ = SMErrorInfo(); }
  const SMCounters& counters() const { return counters_; }
  // Milliseconds until the next try in state Waiting, else 0.
  uint32_t retryInMs() const { return connection_.retryInMs(uptime_.ms()); }
  // Unix seconds, 0 when not known.
  uint32_t now() const { return connection_.clock().unixS(uptime_.ms()); }
  // Records that wait in the ring.
  size_t waiting() const { return outbox_.count(); }

  // Asks for a new token now rather than at 80 % of its life.
  void renewToken() { connection_.renewNow(); }
  // The library's store. Keys that begin with "sm." are its own.
  KV& storage() { return store_; }

 private:
  enum class Outgoing : uint8_t { Data, Reply };

  bool validate(smserver::Connection::Identity* identity);
  bool fail(SMError code, int32_t detail);
  SMError failWith(SMError code, int32_t detail = 0);
  void release();

  void cameOnline();
  void stepSubscriptions(uint32_t now);
  void stepOutbox();
  void receive(uint32_t now);
  void acknowledge(const smserver::Arrival& arrival, uint32_t now);
  void dispatch(const smserver::Arrival& arrival, uint32_t now);
  void onPingTopic(const smserver::Arrival& arrival, uint32_t now);
  void onLink(const smserver::Arrival& arrival, uint32_t now);
  void deliver(const smserver::Arrival& arrival);
  void onCommandMessage(const smserver::Arrival& arrival);
  void runCommand();
  void reply(const char* text, size_t length);

  SMError checkLength(const char* topic, size_t length);
  bool publishNow(const char* topic, const char* payload, size_t length);
  SMError enqueue(const char* json, size_t length);
  template <typename Send>
  SMError serialized(const JsonDocument& json, Send send);
  void dataTopic(Outgoing kind, char (&topic)[smserver::kTopicBytes]) const;

  const char* host_;
  const char* uuid_;
  const char* key_;
  SMServerOptions options_;

  SMCounters counters_;
  SMErrorInfo error_;
  KV store_;
  smserver::EspTransport net_;
  smserver::SessionStore session_{store_};
  smserver::CommandMemory memory_{store_};
  smserver::Connection connection_{net_, session_, counters_, error_};
  smserver::Subscriptions subscriptions_;
  smserver::EchoFilter echo_;
  smserver::ByteRing outbox_;
  smserver::ByteRing inbox_;
  smserver::Uptime uptime_;
  MessageCallback onMessage_;
  CommandCallback onCommand_;
  char id_[smserver::kUuidBytes] = "";  // uuid_ in lower case
  uint32_t epoch_ = 0;
  uint32_t pingSentMs_ = 0;
  uint32_t pingMs_ = 0;
  // The command that loop() will run next; its text lies in the packet buffer.
  const char* command_ = nullptr;
  size_t commandBytes_ = 0;
  bool begun_ = false;
  bool looping_ = false;
  bool endAsked_ = false;
  bool pingOpen_ = false;  // sent, and neither echoed nor answered yet
  bool pingDue_ = false;
};
