#include "command_memory.h"

#include <string.h>

namespace smserver {
namespace {

constexpr char kNext[] = "sm.ci";  // slot that is written next
// A record is the id, NUL, and the reply; without a reply it was only begun.
constexpr size_t kRecordBytes = SMSERVER_COMMAND_ID_BYTES + 1 +
                                SMSERVER_RESULT_BYTES +
                                SMSERVER_COMMAND_ID_BYTES + 32;

static_assert(SMSERVER_COMMAND_MEMORY >= 1 && SMSERVER_COMMAND_MEMORY <= 16,
              "slots are named by one letter");

struct SlotKey {
  char text[6] = "sm.c";
  explicit SlotKey(uint8_t slot) {
    text[4] = static_cast<char>('A' + slot);
    text[5] = '\0';
  }
};

}  // namespace

int CommandMemory::slotOf(const char* id) const {
  const size_t bytes = strlen(id) + 1;
  char record[SMSERVER_COMMAND_ID_BYTES + 1];
  for (uint8_t slot = 0; slot < SMSERVER_COMMAND_MEMORY; ++slot) {
    const SlotKey key(slot);
    if (kv_.get(key.text, static_cast<void*>(record), sizeof record) >= bytes &&
        memcmp(record, id, bytes) == 0) {
      return slot;
    }
  }
  return -1;
}

CommandMemory::Seen CommandMemory::find(const char* id, char* reply,
                                        size_t capacity) const {
  const int slot = slotOf(id);
  if (slot < 0) return Seen::Never;
  char record[kRecordBytes];
  const SlotKey key(static_cast<uint8_t>(slot));
  const size_t bytes =
      kv_.get(key.text, static_cast<void*>(record), sizeof record);
  const size_t head = strlen(id) + 1;
  if (bytes <= head || bytes > sizeof record || bytes - head >= capacity) {
    return Seen::Begun;
  }
  memcpy(reply, record + head, bytes - head);
  reply[bytes - head] = '\0';
  return Seen::Finished;
}

KVError CommandMemory::put(uint8_t slot, const char* id, const char* reply) {
  char record[kRecordBytes];
  const size_t head = strlen(id) + 1;
  const size_t tail = strlen(reply);
  if (head + tail > sizeof record) return KVError::Oversized;
  memcpy(record, id, head);
  memcpy(record + head, reply, tail);
  const SlotKey key(slot);
  // Older results make room; this one matters more.
  for (uint8_t i = 1;; ++i) {
    const KVError error =
        kv_.set(key.text, static_cast<const void*>(record), head + tail);
    if (error != KVError::Full || i >= SMSERVER_COMMAND_MEMORY) return error;
    kv_.remove(
        SlotKey(static_cast<uint8_t>((slot + i) % SMSERVER_COMMAND_MEMORY))
            .text);
  }
}

KVError CommandMemory::begin(const char* id) {
  const uint8_t slot = static_cast<uint8_t>(kv_.get(kNext, uint32_t{0}) %
                                            SMSERVER_COMMAND_MEMORY);
  const KVError error = put(slot, id, "");
  if (error != KVError::None) return error;
  return kv_.set(kNext, uint32_t{(slot + 1u) % SMSERVER_COMMAND_MEMORY});
}

KVError CommandMemory::finish(const char* id, const char* reply) {
  const int slot = slotOf(id);
  return slot < 0 ? KVError::None : put(static_cast<uint8_t>(slot), id, reply);
}

void CommandMemory::forgetAll(KV& kv) {
  kv.remove(kNext);
  for (uint8_t slot = 0; slot < SMSERVER_COMMAND_MEMORY; ++slot) {
    kv.remove(SlotKey(slot).text);
  }
}

}  // namespace smserver
