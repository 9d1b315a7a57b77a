#pragma once

#include "WiFiClient.h"

namespace BearSSL {

class X509List {
 public:
  explicit X509List(const char* pem);
  size_t getCount() const { return count_; }

 private:
  size_t count_;
};

class Session {
 public:
  bool kept = false;

 private:
  uint8_t parameters_[100] = {};
};

// The connection under the encryption has time limits of its own.
class WiFiClientSecureCtx : public WiFiClient {
 public:
  explicit WiFiClientSecureCtx(WiFiClient* outer) : outer_(outer) {
    _timeout = 15000;
  }
  void stop() override { outer_->stop(); }

 private:
  WiFiClient* outer_;
};

class WiFiClientSecure : public WiFiClient {
 public:
  WiFiClientSecure();
  WiFiClientSecure(const WiFiClientSecure& other);
  ~WiFiClientSecure() override;
  void stop() override;
  std::unique_ptr<WiFiClient> clone() const override;
  using WiFiClient::connect;
  int connect(const char* host, uint16_t port) override;
  void setInsecure();
  bool setFingerprint(const uint8_t hash[20]);
  void setTrustAnchors(const X509List* list);
  void setX509Time(time_t now) { now_ = now; }
  void setBufferSizes(int receive, int transmit);
  void setSession(Session* session) { session_ = session; }
  int getLastSSLError(char* text = nullptr, size_t bytes = 0);
  static bool probeMaxFragmentLength(const char* host, uint16_t port,
                                     uint16_t bytes);

 private:
  enum Mode { kNone, kInsecure, kFingerprint, kAuthority };
  Mode mode_ = kNone;
  uint8_t fingerprint_[20] = {};
  time_t now_ = 0;
  int receive_ = 16384;
  int error_ = 0;
  Session* session_ = nullptr;
  bool handshakeDone_ = false;
  WiFiClientSecureCtx ctx_{this};
};

}  // namespace BearSSL
