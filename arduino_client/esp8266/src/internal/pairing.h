#pragma once

#include <functional>

#include "../SMServerTypes.h"
#include "errand.h"

namespace smserver {

// The requests of docs/protocol.md, "Pairing by devices".
class Pairing : public Errand {
 public:
  using Callback = std::function<void(const SMPairing& answer)>;
  static constexpr uint8_t kPage = 20;

  explicit Pairing(const Callback& callback) : callback_(callback) {}

  // `uuid` is in lower case, or empty; `code` six digits, or empty.
  void start(SMPairing::Request request, const char* uuid, const char* code);

  const char* write(char (&path)[kPathBytes],
                    char (&body)[kBodyBytes]) override;
  void done(const SMErrorInfo& error, const HttpReply& reply,
            const char* body) override;

 private:
  bool parse(const HttpReply& reply, const char* body, SMPairing* answer,
             char (&uuids)[kPage][kUuidBytes], const char* (&list)[kPage]);

  const Callback& callback_;
  SMPairing::Request request_ = SMPairing::Request::Code;
  char uuid_[kUuidBytes] = "";
  char code_[7] = "";
};

}  // namespace smserver
