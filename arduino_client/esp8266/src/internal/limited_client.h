#pragma once

#include <WiFiClient.h>

#include <memory>
#include <new>

namespace smserver {

// End of a network operation.
class Deadline {
 public:
  void start(uint32_t limitMs) {
    startMs_ = millis();
    limitMs_ = limitMs;
  }
  bool passed() const { return millis() - startMs_ >= limitMs_; }

 private:
  uint32_t startMs_ = 0;
  uint32_t limitMs_ = 0;
};

// A WiFiClient or WiFiClientSecure that plays dead after a deadline. HTTPClient
// has a time limit for each line and each byte, so that a server which dribbles
// could hold it for ever; this limits the whole answer. HTTPClient works on a
// clone, which shares the connection.
template <class Base>
class LimitedClient : public Base {
 public:
  explicit LimitedClient(const Deadline* deadline) : deadline_(deadline) {}

  std::unique_ptr<WiFiClient> clone() const override {
    return std::unique_ptr<WiFiClient>(new (std::nothrow) LimitedClient(*this));
  }

  // HTTPClient connects by itself; when that is done already, nothing is left
  // to do.
  using Base::connect;
  int connect(const char* host, uint16_t port) override {
    return Base::connected() ? 1 : Base::connect(host, port);
  }

  uint8_t connected() override { return late() ? 0 : Base::connected(); }
  int available() override { return late() ? 0 : Base::available(); }
  using Base::read;
  int read() override {
    if (!late()) return Base::read();
    this->_timeout = 0;  // Stream::timedRead must not wait for more
    return -1;
  }
  int read(uint8_t* data, size_t bytes) override {
    return late() ? -1 : Base::read(data, bytes);
  }
  size_t peekAvailable() override { return late() ? 0 : Base::peekAvailable(); }
  bool inputCanTimeout() override { return !late() && Base::connected(); }

 private:
  bool late() const { return deadline_->passed(); }

  const Deadline* deadline_;
};

}  // namespace smserver
