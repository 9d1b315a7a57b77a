// NetworkClient of arduino-esp32 3.x, over POSIX sockets: its own time limits
// beside Stream's, a connection that counts as gone when the peer has closed
// although something is left to read, and no virtual calls but those of Client.
#pragma once

#include <memory>

#include "Arduino.h"

struct FakeSocket;

class ESPLwIPClient : public Client {
 public:
  virtual int connect(IPAddress ip, uint16_t port, int32_t timeoutMs) = 0;
  virtual int connect(const char* host, uint16_t port, int32_t timeoutMs) = 0;
  virtual void setConnectionTimeout(uint32_t ms) = 0;
};

class NetworkClient : public ESPLwIPClient {
 public:
  NetworkClient* next = nullptr;
  NetworkClient();
  ~NetworkClient();
  int connect(IPAddress ip, uint16_t port) override;
  int connect(IPAddress ip, uint16_t port, int32_t timeoutMs) override;
  int connect(const char* host, uint16_t port) override;
  int connect(const char* host, uint16_t port, int32_t timeoutMs) override;
  using Print::write;
  size_t write(uint8_t byte) override { return write(&byte, 1); }
  size_t write(const uint8_t* data, size_t bytes) override;
  int available() override;
  int read() override;
  int read(uint8_t* data, size_t bytes) override;
  int peek() override;
  void flush() override;  // drops what was received
  void clear();
  void stop() override;
  uint8_t connected() override;
  operator bool() override { return connected() != 0; }
  void setConnectionTimeout(uint32_t ms) override {
    _timeout = static_cast<int>(ms);
  }
  int setNoDelay(bool on) { return on ? 0 : -1; }

 protected:
  std::shared_ptr<FakeSocket> socket_;  // shared with copies
  bool _connected = false;
  int _timeout = 3000;  // hides Stream's
};
