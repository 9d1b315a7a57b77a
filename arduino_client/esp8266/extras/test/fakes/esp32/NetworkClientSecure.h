// "TLS" is plain text, with the checks and the memory as knobs in
// net_control.h. The real one verifies the chain and the name, but no dates:
// the core is built without MBEDTLS_HAVE_TIME_DATE.
#pragma once

#include "NetworkClient.h"

class NetworkClientSecure : public NetworkClient {
 public:
  NetworkClientSecure();
  ~NetworkClientSecure();
  int connect(IPAddress ip, uint16_t port) override;
  int connect(IPAddress ip, uint16_t port, int32_t timeoutMs) override;
  int connect(const char* host, uint16_t port) override;
  int connect(const char* host, uint16_t port, int32_t timeoutMs) override;
  using Print::write;
  size_t write(const uint8_t* data, size_t bytes) override;
  int available() override;
  int read() override;
  int read(uint8_t* data, size_t bytes) override;
  void flush() override {}
  void stop() override;
  uint8_t connected() override;
  void setInsecure();
  void setCACert(const char* pem);
  void setHandshakeTimeout(unsigned long seconds);
  bool getFingerprintSHA256(uint8_t hash[32]);
  int lastError(char* text, size_t bytes);

 private:
  int handshake();

  bool _use_insecure = false;
  const char* _CA_cert = nullptr;
  unsigned long handshakeMs_ = 120000;
  int error_ = 0;
};
