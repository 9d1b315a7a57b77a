#pragma once

#include "../KV.h"
#include "../SMServerConfig.h"

namespace smserver {

// The id of a command, printable and without quotes; false when the text is not
// JSON or has none.
bool commandId(const char* json, size_t length,
               char (&out)[SMSERVER_COMMAND_ID_BYTES + 1]);

// The last command ids and their first results, in the key-value store: a
// command that comes again, also after a reboot, is answered and not acted on
// (docs/protocol.md, "Commands"). An id is written before the command is acted
// on, so that one which reboots or crashes the device is not tried for ever.
class CommandMemory {
 public:
  enum class Seen : uint8_t { Never, Begun, Finished };

  explicit CommandMemory(KV& kv) : kv_(kv) {}

  // Copies the reply of a finished command.
  Seen find(const char* id, char* reply, size_t capacity) const;
  // Notes that the command is about to be acted on; takes the place of the
  // oldest. Call KV::commit() after it.
  KVError begin(const char* id);
  // Notes its reply. Gives up older replies when the store is full.
  KVError finish(const char* id, const char* reply);

  static void forgetAll(KV& kv);

 private:
  KVError put(uint8_t slot, const char* id, const char* reply);
  int slotOf(const char* id) const;

  KV& kv_;
};

}  // namespace smserver
