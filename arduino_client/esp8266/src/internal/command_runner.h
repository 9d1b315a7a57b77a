#pragma once

#include <ArduinoJson.h>

#include <functional>

#include "../SMResult.h"
#include "../SMServerTypes.h"
#include "command_handler.h"
#include "command_memory.h"

namespace smserver {

// Acts on each command once, and remembers the result in the store.
class CommandRunner : public CommandHandler {
 public:
  using Callback =
      std::function<SMResult(const char* name, JsonVariantConst arguments)>;

  CommandRunner(KV& kv, SMCounters& counters, SMErrorInfo& error,
                Callback callback)
      : kv_(kv),
        memory_(kv),
        counters_(counters),
        error_(error),
        callback_(std::move(callback)) {}

  bool take(const char* json, size_t length) override;
  bool waiting() const override { return json_ != nullptr; }
  void run() override;
  const char* reply() const override {
    return reply_[0] == '\0' ? nullptr : reply_;
  }
  void replied() override { reply_[0] = '\0'; }
  void drop() override { json_ = nullptr; }

 private:
  void act(const char* name, const char* arguments, size_t bytes);
  void answer(const SMResult& result);
  void stored(KVError error);

  KV& kv_;
  CommandMemory memory_;
  SMCounters& counters_;
  SMErrorInfo& error_;
  Callback callback_;
  // The command that is to be run; its text lies in the packet buffer.
  const char* json_ = nullptr;
  size_t jsonBytes_ = 0;
  char id_[SMSERVER_COMMAND_ID_BYTES + 1] = "";
  char reply_[SMSERVER_COMMAND_ID_BYTES + SMSERVER_RESULT_BYTES + 32] = "";
};

}  // namespace smserver
