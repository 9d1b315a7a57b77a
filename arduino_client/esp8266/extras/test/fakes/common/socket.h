// A TCP connection of the host, with the small receive buffer of a chip.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct FakeSocket {
  int fd = -1;
  int users = 1;     // clients that share it
  bool eof = false;  // the peer has closed
  bool tls = false;
  char peeked[1024];
  size_t peekedBytes = 0;

  ~FakeSocket() { close(); }
  // Connects to an address in network byte order.
  bool open(uint32_t v4, uint16_t port, uint32_t limitMs);
  void close();
  // Moves what has arrived into the buffer; looks once a millisecond.
  void fill();
  size_t take(uint8_t* out, size_t bytes);
  void consume(size_t bytes);
  size_t send(const uint8_t* data, size_t bytes, uint32_t limitMs);
  void startTls();

 private:
  uint32_t filledMs_ = 0;
};

namespace fake {
// The address of a name after what the look-up takes; false when there is none.
bool resolve(const char* name, uint32_t* v4, uint32_t limitMs);
// The bytes of Net::fingerprint, zeros behind them.
void fingerprint(uint8_t* out, size_t bytes);
// How many certificates a PEM text holds; -1 when it is malformed.
int certificates(const char* pem);
// Gives way when some time has passed since the last time, as the core's
// optimistic_yield(). Without it a wait for data would starve the other end.
void yieldNowAndThen();
}  // namespace fake
