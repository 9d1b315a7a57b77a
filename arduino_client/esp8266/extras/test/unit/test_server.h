// An HTTP server and an MQTT broker in the test's own thread: whenever the
// library waits, they get their turn. Scripted, and as rude as the test likes.
#pragma once

#include <stdint.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

class TestServer {
 public:
  struct Publish {
    std::string topic, payload;
    bool operator==(const Publish& o) const {
      return topic == o.topic && payload == o.payload;
    }
  };

  TestServer();
  ~TestServer();
  TestServer(const TestServer&) = delete;

  uint16_t httpPort() const { return httpPort_; }
  uint16_t mqttPort() const { return mqttPort_; }
  void pump();

  // ---- HTTP. Answers whole, raw; the default is what the protocol says.
  std::function<std::string(const std::string& request)> onRequest;
  std::vector<std::string> requests;
  // Bytes per pump; 0 sends at once.
  size_t drip = 0;
  bool keepOpen = false;  // does not close after the answer
  uint32_t lifetimeS = 1209600;
  std::string user = "6ba7b810-9dad-11d1-80b4-00c04fd430c8.1";
  std::string pairingAnswer = R"({"c":"OK","ms":12})";
  std::string defaultAnswer(const std::string& request) const;
  static std::string http(int status, const std::string& body,
                          const std::string& headers = "");

  // ---- MQTT
  int connack = 0;         // return code; < 0: closes; -2: says nothing
  std::string instead;     // raw bytes instead of CONNACK
  bool echo = false;       // delivers a publisher's messages back
  bool answerPing = true;  // PONG, as the server
  bool answerKeepAlive = true;
  bool ackData = true;  // acknowledges numbered records, as the server
  std::function<bool(const std::string& topic)> allow;
  std::vector<std::string> connects;  // passwords
  std::vector<std::string> subscribed;
  std::vector<std::string> unsubscribed;
  std::vector<Publish> published;
  size_t acks = 0;
  std::string lastAck;  // the packet id
  bool mqttOpen() const { return mqtt_.fd >= 0; }
  void publish(const std::string& topic, const std::string& payload,
               int qos = 0, bool retained = false);
  void sendRaw(const std::string& bytes);
  void closeMqtt();
  // Stops accepting: connections are refused.
  void closeListeners();

 private:
  struct Peer {
    int fd = -1;
    std::string in, out;
  };
  void pumpHttp();
  void pumpMqtt();
  bool packet();
  void handle(uint8_t header, const std::string& body);
  void send(Peer& peer, const std::string& bytes);

  int httpListen_ = -1, mqttListen_ = -1;
  uint16_t httpPort_ = 0, mqttPort_ = 0;
  Peer http_, mqtt_;
  bool closeAfter_ = false;
  bool pumping_ = false;
};

std::string mqttPacket(uint8_t header, const std::string& body);
std::string mqttText(const std::string& text);
