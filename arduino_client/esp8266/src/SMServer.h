#pragma once

#include <Arduino.h>
#include <ArduinoJson.h>

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include "KV.h"
#include "SMResult.h"
#include "SMServerConfig.h"
#include "SMServerTypes.h"
#include "internal/about.h"
#include "internal/command_handler.h"
#include "internal/connection.h"
#include "internal/dialer.h"
#include "internal/http_client.h"
#include "internal/inbox.h"
#include "internal/mqtt_client.h"
#include "internal/outbox.h"
#include "internal/session_store.h"
#include "internal/subscriptions.h"

// A device of Simple IoT Server: gets a token, finds the broker, connects, and
// stays connected. The sketch joins the Wi-Fi network, calls begin() once and
// loop() forever. Speaks docs/protocol.md.
//
// Nothing here blocks but the network calls that loop() makes, one a call and
// SMSERVER_NETWORK_MS each (SMSERVER_TLS_MS to open TLS), and writes to flash
// (see KV). Callbacks run inside loop() and may publish.
class SMServer {
 public:
  using MessageCallback = std::function<void(const SMMessage& message)>;
  using CommandCallback =
      std::function<SMResult(const char* name, JsonVariantConst arguments)>;
  using StateCallback = std::function<void(SMState state, SMErrorInfo error)>;
  using PairingCallback = std::function<void(const SMPairing& answer)>;

  // `host` is a name or an address, with ":port" and "http://" or "https://" if
  // need be. `key` is a device key, or the secret of the role. The texts are
  // not copied: they must outlive this object.
  SMServer(const char* host, const char* uuid, const char* key,
           const SMServerOptions& options = SMServerOptions());
  ~SMServer();
  SMServer(const SMServer&) = delete;
  SMServer& operator=(const SMServer&) = delete;

  // Checks the arguments and allocates all that lasts. False, with lastError(),
  // when that fails; nothing is allocated then.
  bool begin();
  // Call it in every pass of the sketch's loop().
  void loop();
  // Disconnects and frees everything; in a callback, once that has returned.
  // Records in RAM go into the file, if there is one.
  void end();

  // Takes one telemetry record, a JSON object, for device/<uuid>/data: at most
  // 4 KiB with the numbers and the time that are added. It is sent at once when
  // online, and stays in the ring until the server has acknowledged it; a full
  // ring drops the oldest. A record with a field "b" or "n" of its own cannot
  // be numbered: it is sent once, and not acknowledged. Errors: NotBegun,
  // BadPayload, TooLong, QueueFull, NotConnected (no ring), and OutOfMemory.
  SMError publishData(const char* json);
  SMError publishData(const JsonDocument& json);
  // The same for a text that does not end in NUL.
  SMError publishRecord(const char* json, size_t length);
  // A record of one field: publishData("light", analogRead(A0)).
  template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T>>>
  SMError publishData(const char* field, T value) {
    if constexpr (std::is_same_v<T, bool>) {
      return publishBool(field, value);
    } else if constexpr (std::is_floating_point_v<T>) {
      return publishNumber(field, value, std::is_same_v<T, float> ? 7 : 15);
    } else if constexpr (std::is_unsigned_v<T>) {
      return publishInteger(field, static_cast<uint64_t>(value), false);
    } else {
      const int64_t wide = value;
      return publishInteger(field,
                            wide < 0 ? 0 - static_cast<uint64_t>(wide)
                                     : static_cast<uint64_t>(wide),
                            wide < 0);
    }
  }
  SMError publishData(const char* field, const char* value);
  SMError publishData(const char* field, const String& value) {
    return publishData(field, value.c_str());
  }
  // A record of how the device is: "heap" (free bytes), "rssi" (dBm) and
  // "uptime" (seconds).
  SMError publishStatus();

  // Sends on the device's own link topic, or on one given to addLink(), at
  // once. Errors: NotBegun, BadTopic, TooLong, NotConnected, NotPaired,
  // OutOfMemory.
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
  void onMessage(MessageCallback callback);
  // Without onMessage, they wait in a queue of fixed size; this takes the
  // oldest.
  std::optional<SMQueuedMessage> message();
  // Commands of the server. What the callback returns becomes the reply.
  void onCommand(const CommandCallback& callback);
  // Called whenever state() has changed, with lastError().
  void onState(StateCallback callback);

  // Pairing by the devices themselves (docs/protocol.md, "Pairing by devices").
  // Each makes one HTTP request, as soon as there is a token, and onPairing
  // gets the answer. Over TLS the MQTT connection is closed meanwhile. Errors:
  // NotBegun, Busy, BadUuid, BadCode, OutOfMemory.
  void onPairing(PairingCallback callback);
  // An agent: asks for a code to show to whoever stands before it.
  SMError pairingCode();
  // A master: pairs with the agent that shows this code, lets one go, lists up
  // to 20 of its agents, those above `after`.
  SMError pair(const char* uuid, const char* code);
  SMError unpair(const char* uuid);
  SMError agents(const char* after = nullptr);

  // What `about` tells the server, once per session, besides the board, the
  // versions and the reset reason. The arrays must outlive this object.
  template <size_t N>
  void describe(const SMField (&fields)[N]) {
    describeFields(fields, N);
  }
  template <size_t N>
  void describe(const SMCommandInfo (&commands)[N]) {
    describeCommands(commands, N);
  }

  // Asks the server for a PONG. Errors: NotBegun, NotConnected.
  SMError ping();
  // Milliseconds that the last PONG took, 0 when there was none yet.
  uint32_t pingMs() const { return inbox_.pingMs(); }

  bool isConnected() const { return connection_.online(); }
  // Has a token.
  bool isRegistered() const { return connection_.registered(); }
  SMState state() const { return connection_.state(); }
  // Of the last thing that went wrong since the device came online, by a call
  // or on its own.
  SMErrorInfo lastError() const { return error_; }
  void clearError() { error_ = SMErrorInfo(); }
  const SMCounters& counters() const { return counters_; }
  // Milliseconds until the next try in state Waiting, else 0.
  uint32_t retryInMs() const { return connection_.retryInMs(uptime_.ms()); }
  // Unix seconds as told by the server or by NTP, 0 when not known.
  uint32_t now() const { return connection_.now(uptime_.ms()); }
  // Records that the server has not acknowledged. 0: it has them all, and the
  // device may go to sleep.
  size_t waiting() const { return outbox_.count(); }

  // Asks for a new token now rather than at 80 % of its life.
  void renewToken() { connection_.renewNow(); }
  // The library's store. Keys that begin with "sm." are its own.
  KV& storage() { return store_; }

 private:
  bool validate(smserver::Connection::Identity* identity);
  bool refuse(SMError code, int32_t detail = 0);
  SMError fail(SMError code, int32_t detail = 0);
  void release();
  void showState();
  // Read at the call: the sketch, or a network call, may have taken long.
  smserver::Moment moment() const;

  void stepOnline();
  void cameOnline();
  void stepSubscriptions();
  void stepOutbox();
  void receive();
  void subscribed(const smserver::Arrival& arrival);
  void dispatch(const smserver::Arrival& arrival);
  void stepCommands();
  void sendAbout();
  void sendPong(const char* topic);
  bool publish(const char* topic, const char* payload, size_t length);
  // On one of the device's own topics.
  bool publishOwn(PGM_P leaf, const char* payload, size_t length);
  // Of the payload, on a topic of this length.
  size_t maxPayloadBytes(size_t topicBytes) const {
    // MQTT 3.1.1 fixed header as PubSubClient reserves it, and the topic's
    // length.
    constexpr size_t kPublishOverhead = 5 + 2;
    return mqtt_.packetBytes() - kPublishOverhead - topicBytes;
  }
  // Of a telemetry record.
  size_t maxRecordBytes() const;

  SMError publishUnkept(const char* json, size_t length);
  SMError publishBool(const char* field, bool value);
  SMError publishNumber(const char* field, double value, int digits);
  SMError publishInteger(const char* field, uint64_t value, bool negative);
  SMError publishValue(const char* field, const char* value, bool quoted);
  SMError startPairing(SMPairing::Request request, const char* uuid,
                       const char* code);
  void describeFields(const SMField* fields, size_t count);
  void describeCommands(const SMCommandInfo* commands, size_t count);

  const char* host_;
  const char* uuid_;
  const char* key_;
  SMServerOptions options_;

  // What is small lies in front, where instructions reach it without a detour.
  SMErrorInfo error_;
  uint32_t epoch_ = 0;
  SMState shown_ = SMState::Stopped;
  bool begun_ = false;
  bool looping_ = false;
  bool endAsked_ = false;
  bool pingDue_ = false;
  bool aboutDue_ = false;
  smserver::Uptime uptime_;
  // Made when the sketch asks for them.
  std::unique_ptr<smserver::CommandHandler> commands_;
  std::unique_ptr<smserver::Errand> pairing_;
  StateCallback onState_;
  PairingCallback onPairing_;
  SMCounters counters_;
  char id_[smserver::kUuidBytes] = "";  // uuid_ in lower case
  KV store_;
  smserver::Dialer dialer_;
  smserver::HttpClient http_{dialer_};
  smserver::MqttClient mqtt_{dialer_};
  smserver::SessionStore session_{store_};
  smserver::Connection connection_{uptime_,  dialer_,   http_, mqtt_,
                                   session_, counters_, error_};
  smserver::Subscriptions subscriptions_;
  smserver::Outbox outbox_{counters_};
  smserver::Inbox inbox_{counters_};
  smserver::About about_;
};
