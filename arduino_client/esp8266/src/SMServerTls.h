#pragma once

#include <memory>

#include "internal/tls_provider.h"

#if defined(ESP32)
#include <NetworkClientSecure.h>
#else
#include <WiFiClientSecureBearSSL.h>
#endif

// Trust for https:// hosts and MQTT over TLS. Make one, and give its address in
// SMServerOptions::tls:
//
//   SMServerTls tls = SMServerTls::authority(CA_PEM);
//
// It must outlive the SMServer. A sketch without it does not link a TLS
// library.
//
// ESP8266: about 14 KB of heap while a connection is open when the server takes
// small fragments (RFC 6066, maximum fragment length), about 30 KB otherwise.
// Which of the two is probed once for each place. ESP32: about 45 KB. The
// server's HTTP connection is closed before the broker's is opened, so there is
// one session at a time.
class SMServerTls : public smserver::TlsProvider {
 public:
#if defined(ESP32)
  static constexpr size_t kFingerprintBytes = 32;  // SHA-256
#else
  static constexpr size_t kFingerprintBytes = 20;  // SHA-1
#endif

  // Certificates must lead to this authority (PEM, one or more; may lie in
  // PROGMEM). ESP8266: they must be valid now; the time comes from the server's
  // answers, and before the first one from the Date of an answer to a request
  // that carries nothing secret. ESP32: the core's TLS library is built without
  // the check of dates.
  static SMServerTls authority(const char* pem) {
    return SMServerTls(Kind::Authority, pem, nullptr);
  }
  // The fingerprint of the server's certificate, and of the broker's if it has
  // another: SHA-1 on the ESP8266 (40 hexadecimal digits), SHA-256 on the ESP32
  // (64), with or without colons or blanks. Both change when a certificate is
  // renewed.
  static SMServerTls fingerprint(const char* server,
                                 const char* broker = nullptr) {
    return SMServerTls(Kind::Fingerprint, server, broker);
  }
  // Encrypts, but does not check whom it talks to: anyone in between can read
  // the key. For tests on a bench.
  static SMServerTls insecure() {
    return SMServerTls(Kind::Insecure, nullptr, nullptr);
  }

  // For the library. These are inline so that only a sketch that includes this
  // file has a virtual table, which the linker would keep in every sketch, and
  // the TLS library with it.
  SMError check() override { return checkTrust(); }
#if defined(ESP32)
  // The core's mbedTLS is built without MBEDTLS_HAVE_TIME_DATE.
  bool needsClock() const override { return false; }
  bool wrongTime(int) const override { return false; }
  // It has buffers of a fixed size.
  void probe(const smserver::Endpoint&) override {}
#else
  bool needsClock() const override { return kind_ == Kind::Authority; }
  bool wrongTime(int error) const override { return error == kExpired; }
  void probe(const smserver::Endpoint& endpoint) override {
    probePlace(endpoint);
  }
#endif
  SMErrorInfo dial(std::unique_ptr<smserver::TcpClient>* slot,
                   const smserver::Endpoint& endpoint, Use use, uint32_t unixS,
                   SMError unreachable) override {
    return openConnection(slot, endpoint, use, unixS, unreachable);
  }

 private:
  enum class Kind : uint8_t { Authority, Fingerprint, Insecure };

  SMServerTls(Kind kind, const char* first, const char* second)
      : first_(first), second_(second), kind_(kind) {}

  SMError checkTrust();
  SMErrorInfo openConnection(std::unique_ptr<smserver::TcpClient>* slot,
                             const smserver::Endpoint& endpoint, Use use,
                             uint32_t unixS, SMError unreachable);
  // Whether there is heap enough for a client for this place: `needed` is set
  // to the bytes in one block, or to those in all if it is these that lack.
  bool heapFits(const smserver::Endpoint& endpoint, size_t* needed) const;
  // A client to connect with, or null when memory is out. `unixS` is the time
  // for certificates.
  smserver::TcpClient* createClient(const smserver::Endpoint& endpoint, Use use,
                                    uint32_t unixS);
  // Opens a connection with such a client, within SMSERVER_TLS_MS. 0, or the
  // error of the TLS library, or -1 when no connection came about.
  int connectClient(smserver::TcpClient* client,
                    const smserver::Endpoint& endpoint, Use use);

  // Hexadecimal digits, with or without colons or blanks between the pairs.
  static bool parseFingerprint(const char* text,
                               uint8_t (&out)[kFingerprintBytes]);
  // The fingerprint that this use is checked against.
  bool fingerprintFor(Use use, uint8_t (&out)[kFingerprintBytes]) const;

  const char* first_;
  const char* second_;
  Kind kind_;

#if !defined(ESP32)
  // What was found out about a place.
  struct Probed {
    uint32_t place = 0;  // hash; 0: none
    bool small = false;  // takes fragments of kFragmentBytes
  };

  // BearSSL's BR_ERR_X509_EXPIRED: not yet, or no longer, valid.
  static constexpr int kExpired = 54;
  static constexpr uint16_t kFragmentBytes = 512;
  static constexpr uint16_t kFullBytes = 16384;

  void probePlace(const smserver::Endpoint& endpoint);
  const Probed* known(const smserver::Endpoint& endpoint) const;
  void remember(const smserver::Endpoint& endpoint, bool small);
  bool takesSmall(const smserver::Endpoint& endpoint) const;

  // Parsed in check(), and kept, for reconnecting needs it again.
  std::unique_ptr<BearSSL::X509List> authority_;
  // Resuming a session saves most of a handshake's time.
  std::unique_ptr<BearSSL::Session> sessions_[2];
  Probed probed_[2];
  uint8_t nextProbed_ = 0;
#endif
};
