#pragma once

#include "../KV.h"
#include "../SMServerConfig.h"

namespace smserver {

// The last commands and their first replies, in the key-value store: a command
// that comes again, also after a reboot, is answered and not acted on
// (docs/protocol.md, "Commands"). An id is written before the command is acted
// on, so that one which reboots or crashes the device is not tried forever.
class CommandMemory {
 public:
  enum class Seen : uint8_t { Never, Begun, Finished };

  explicit CommandMemory(KV& kv) : kv_(kv) {}

  // `reply`, which has room for any, gets the reply of a finished command, and
  // is not to be used otherwise.
  Seen find(const char* id, char* reply, size_t capacity) const;
  // Notes that the command is about to be acted on; takes the place of the
  // oldest. Call KV::commit() after it.
  KVError begin(const char* id);
  // Notes the reply of the command that was begun last. Gives up older replies
  // when the store is full.
  KVError finish(const char* reply);

  static void forgetAll(KV& kv);

 private:
  KVError put(const char* reply);

  KV& kv_;
  uint8_t slot_ = 0;  // of the command that was begun last
  bool begun_ = false;
};

}  // namespace smserver
