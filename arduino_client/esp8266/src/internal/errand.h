#pragma once

#include "transport.h"

namespace smserver {

// A request over HTTP with the device's token, which the connection makes when
// it can. Pairing implements it; the connection knows only this, so that a
// sketch that does not pair does not link it.
class Errand {
 public:
  virtual ~Errand() = default;
  static constexpr size_t kPathBytes = 96;
  static constexpr size_t kBodyBytes = 24;

  // Writes path and body (empty for none); returns the method.
  virtual const char* write(char (&path)[kPathBytes],
                            char (&body)[kBodyBytes]) = 0;
  // The answer, of any status, or an error of the network when `error` has one.
  // May start the next errand. True when the token is no longer good.
  virtual bool done(const SMErrorInfo& error, const HttpReply& reply,
                    const char* body) = 0;
};

}  // namespace smserver
