// WiFiClient and BearSSL::WiFiClientSecure of core 3.1.2, over POSIX sockets.
// "TLS" here is plain text, with the checks, the clock and the memory as knobs
// in net_control.h.
#pragma once

#include <memory>

#include "Arduino.h"

struct FakeSocket;

class WiFiClient : public Client {
 public:
  WiFiClient();
  ~WiFiClient() override;
  WiFiClient(const WiFiClient& other);
  WiFiClient& operator=(const WiFiClient&) = delete;
  virtual std::unique_ptr<WiFiClient> clone() const;

  int connect(IPAddress ip, uint16_t port) override;
  int connect(const char* host, uint16_t port) override;
  using Print::write;
  size_t write(uint8_t byte) override { return write(&byte, 1); }
  size_t write(const uint8_t* data, size_t bytes) override;
  int available() override;
  int read() override;
  int read(uint8_t* data, size_t bytes) override;
  int peek() override;
  void flush() override {}
  void stop() override;
  void abort() { stop(); }
  uint8_t connected() override;
  operator bool() override { return connected() != 0; }
  bool hasPeekBufferAPI() const override { return true; }
  size_t peekAvailable() override;
  const char* peekBuffer() override;
  void peekConsume(size_t bytes) override;
  bool outputCanTimeout() override { return connected() != 0; }
  bool inputCanTimeout() override { return connected() != 0; }
  int availableForWrite() override { return 512; }
  void setNoDelay(bool on) { (void)on; }

 protected:
  FakeSocket* socket_ = nullptr;  // shared with clones
  WiFiClient* _owned = nullptr;
};
