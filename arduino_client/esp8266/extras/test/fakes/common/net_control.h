// Knobs of the network fakes.
#pragma once

#include <stdint.h>

#include <map>
#include <string>
#include <vector>

namespace fake {

struct Net {
  bool wifi = true;
  // Names that resolve; others do when they are addresses.
  std::map<std::string, std::string> names = {{"localhost", "127.0.0.1"}};
  uint32_t dnsMs = 0;  // what a look-up takes
  int rssi = -61;
  size_t connects = 0;
  size_t openSockets = 0;
  size_t maxOpenSockets = 0;
  bool silent = false;         // nobody answers when a connection is opened
  size_t sendRoom = SIZE_MAX;  // bytes that still go out, then writes time out

  // "TLS"
  size_t handshakes = 0;
  size_t openTls = 0;
  size_t maxOpenTls = 0;
  size_t probes = 0;
  bool smallFragments = true;
  size_t failProbes = 0;  // so many find nobody
  size_t sessionsKept = 0, sessionsResumed = 0;
  uint32_t handshakeMs = 0;
  // Validity of the certificates; 0 to 0: always.
  int64_t notBefore = 0, notAfter = 0;
  std::string fingerprint = "00";
  int tlsError = 0;  // every handshake fails with it
  std::vector<int> receiveBuffers;
};
extern Net net;
void resetNet();

}  // namespace fake
