#pragma once

#include <WiFiClientSecureBearSSL.h>

#include <optional>

#include "internal/tls_provider.h"

// Trust for https:// hosts and MQTT over TLS. Make one, and give its address in
// SMServerOptions::tls:
//
//   SMServerTls tls = SMServerTls::authority(CA_PEM);
//
// It must outlive the SMServer. A sketch without it does not link BearSSL.
//
// Memory: about 14 KB of heap while a connection is open when the server takes
// small fragments (RFC 6066, maximum fragment length), about 30 KB otherwise.
// Which of the two is probed once for each place. The server's HTTP connection
// is closed before the broker's is opened, so there is one session at a time.
class SMServerTls : public smserver::TlsProvider {
 public:
  // Certificates must lead to this authority (PEM, one or more; may lie in
  // PROGMEM) and be valid now. The time comes from the server's answers; before
  // the first one it is taken from the Date of an answer to a request that
  // carries nothing secret.
  static SMServerTls authority(const char* pem) {
    return SMServerTls(Kind::Authority, pem, nullptr);
  }
  // The SHA-1 fingerprint of the server's certificate, and of the broker's if
  // it has another: 40 hexadecimal digits, with or without colons or blanks.
  // Both change when a certificate is renewed.
  static SMServerTls fingerprint(const char* server,
                                 const char* broker = nullptr) {
    return SMServerTls(Kind::Fingerprint, server, broker);
  }
  // Encrypts, but does not check whom it talks to: anyone in between can read
  // the key. For tests on a bench.
  static SMServerTls insecure() {
    return SMServerTls(Kind::Insecure, nullptr, nullptr);
  }

  bool needsClock() const override { return kind_ == Kind::Authority; }
  void probe(const smserver::Endpoint& endpoint) override;
  size_t heapBytes(const smserver::Endpoint& endpoint) const override;
  WiFiClient* create(const smserver::Endpoint& endpoint, Use use,
                     uint32_t unixS,
                     const smserver::Deadline* deadline) override;
  int lastError(WiFiClient* client) override;

 private:
  enum class Kind : uint8_t { Authority, Fingerprint, Insecure };
  // What was found out about a place.
  struct Probed {
    uint32_t place = 0;  // hash; 0: none
    bool small = false;  // takes fragments of kFragmentBytes
  };

  static constexpr uint16_t kFragmentBytes = 512;
  static constexpr uint16_t kFullBytes = 16384;

  SMServerTls(Kind kind, const char* first, const char* second)
      : first_(first), second_(second), kind_(kind) {}

  static uint32_t place(const smserver::Endpoint& endpoint);
  bool takesSmall(const smserver::Endpoint& endpoint) const;
  bool verify(BearSSL::WiFiClientSecure* client, Use use, uint32_t unixS);

  const char* first_;
  const char* second_;
  // Parsed at first use; freed never, for reconnecting needs it again.
  std::unique_ptr<BearSSL::X509List> authority_;
  // Resuming a session saves most of a handshake's time.
  std::unique_ptr<BearSSL::Session> sessions_[2];
  Probed probed_[2];
  uint8_t nextProbed_ = 0;
  Kind kind_;
};
