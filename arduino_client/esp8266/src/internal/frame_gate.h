#pragma once

#include <Client.h>

namespace smserver {

// Sits between PubSubClient and the network and hands it whole, checked MQTT
// packets. PubSubClient 2.8 reads byte by byte and waits for each (a broker
// that dribbles holds it forever), trusts the topic length of a PUBLISH (a
// wrong one makes it write outside its buffer), drops what is too large without
// a word, and does not look at SUBACK. Here reading never blocks, such packets
// end the connection or are counted, and results of subscriptions are kept.
class FrameGate : public Client {
 public:
  enum class Event : uint8_t { None, Publish, Suback };

  FrameGate() = default;
  ~FrameGate() override;

  // False when memory is out. Packets up to `capacity` bytes pass, 128 or more.
  bool begin(size_t capacity);
  void end();
  size_t capacity() const { return capacity_; }

  // Starts with a connection that is open already.
  void attach(Client* inner);
  // Lets go of the last packet, so that the next can be read.
  void release();

  // The packet that PubSubClient has read last.
  Event event() const { return event_; }
  // Of a PUBLISH. Both end in NUL and are valid until release().
  const char* topic() const { return topic_; }
  const char* payload() const { return payload_; }
  size_t payloadBytes() const { return payloadBytes_; }
  bool retained() const { return (frame_[0] & 1) != 0; }
  // Of a SUBACK.
  uint16_t subackId() const { return subackId_; }
  bool subackGranted() const { return subackGranted_; }
  // Packet id of the last SUBSCRIBE that went out.
  uint16_t lastSubscribeId() const { return lastSubscribeId_; }

  // Size of an incoming packet that was too large, once; else 0.
  uint32_t takeOversized();
  // True once when the peer broke the protocol; the connection is closed then.
  bool takeViolation();
  // CONNACK was passed on.
  bool accepted() const { return connackSeen_; }

  int connect(IPAddress, uint16_t) override { return 0; }
  int connect(const char*, uint16_t) override { return 0; }
  size_t write(uint8_t byte) override { return write(&byte, 1); }
  size_t write(const uint8_t* data, size_t bytes) override;
  int available() override;
  int read() override;
  int read(uint8_t* data, size_t bytes) override;
  int peek() override;
  void flush() override;
  void stop() override;
  uint8_t connected() override;
  operator bool() override { return connected() != 0; }

 private:
  enum class Phase : uint8_t { Header, Body, Skip, Ready, Consumed };

  void startFrame();
  void poll();
  bool readHeader();
  bool check();
  bool checkPublish();
  size_t keptBytes() const;
  void acknowledgeSkipped();
  void violate();
  void prepareEvent();

  Client* inner_ = nullptr;
  uint8_t* frame_ = nullptr;
  size_t capacity_ = 0;
  size_t filled_ = 0;
  size_t headerBytes_ = 0;
  uint32_t frameBytes_ = 0;  // header and body
  size_t readAt_ = 0;
  uint32_t oversized_ = 0;
  const char* topic_ = "";
  const char* payload_ = "";
  size_t payloadBytes_ = 0;
  uint16_t subackId_ = 0;
  uint16_t lastSubscribeId_ = 0;
  Phase phase_ = Phase::Header;
  Event event_ = Event::None;
  bool subackGranted_ = false;
  bool connackSeen_ = false;
  bool violation_ = false;
};

}  // namespace smserver
