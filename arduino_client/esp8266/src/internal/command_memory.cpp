#include "command_memory.h"

#include <string.h>

#include "command_id.h"

namespace smserver {
namespace {

constexpr char kNext[] = "sm.ci";  // slot that is written next

static_assert(SMSERVER_COMMAND_MEMORY >= 1 && SMSERVER_COMMAND_MEMORY <= 16,
              "slots are named by one letter");

// A slot holds a reply, or its head alone while there is none.
struct SlotKey {
  char text[6] = "sm.c";
  explicit SlotKey(uint8_t slot) {
    text[4] = static_cast<char>('A' + slot % SMSERVER_COMMAND_MEMORY);
    text[5] = '\0';
  }
};

}  // namespace

CommandMemory::Seen CommandMemory::find(const char* id, char* reply,
                                        size_t capacity) const {
  const ReplyHead head(id);
  for (uint8_t slot = 0; slot < SMSERVER_COMMAND_MEMORY; ++slot) {
    const size_t bytes = kv_.get(SlotKey(slot).text, reply, capacity);
    if (strncmp(reply, head.text, head.bytes) != 0) continue;
    // One that is too long is from a sketch with another SMSERVER_RESULT_BYTES.
    return bytes > head.bytes && bytes < capacity ? Seen::Finished
                                                  : Seen::Begun;
  }
  return Seen::Never;
}

KVError CommandMemory::put(const char* reply) {
  // Older replies make room; this one matters more.
  for (uint8_t i = 1;; ++i) {
    const KVError error = kv_.set(SlotKey(slot_).text, reply);
    if (error != KVError::Full || i >= SMSERVER_COMMAND_MEMORY) return error;
    kv_.remove(SlotKey(slot_ + i).text);
  }
}

KVError CommandMemory::begin(const char* id) {
  slot_ = 0;
  kv_.get(kNext, static_cast<void*>(&slot_), 1);
  KVError error = put(ReplyHead(id).text);
  begun_ = error == KVError::None;
  if (!begun_) return error;
  const uint8_t next = (slot_ + 1) % SMSERVER_COMMAND_MEMORY;
  return kv_.set(kNext, static_cast<const void*>(&next), 1);
}

KVError CommandMemory::finish(const char* reply) {
  return begun_ ? put(reply) : KVError::None;
}

void CommandMemory::forgetAll(KV& kv) {
  kv.remove(kNext);
  for (uint8_t slot = 0; slot < SMSERVER_COMMAND_MEMORY; ++slot) {
    kv.remove(SlotKey(slot).text);
  }
}

}  // namespace smserver
