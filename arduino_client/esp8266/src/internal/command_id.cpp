// What also a sketch without commands needs of them.
#include "command_id.h"

#include <string.h>

#include "command_handler.h"
#include "identity.h"
#include "json_reader.h"
#include "text_writer.h"

namespace smserver {

// An id goes back as it came, without escapes.
bool commandId(const char* json, size_t length,
               char (&out)[SMSERVER_COMMAND_ID_BYTES + 1]) {
  out[0] = '\0';
  JsonReader reader(json, length);
  while (reader.next()) {
    reader.string("i", out, sizeof out);
  }
  return reader.valid() && isCredential(out, SMSERVER_COMMAND_ID_BYTES) &&
         strpbrk(out, "\"\\") == nullptr;
}

ReplyHead::ReplyHead(const char* id) {
  TextWriter out(text, sizeof text);
  out.put(F("{\"i\":\"")).put(id).put('"').terminate();
  bytes = out.length();
}

size_t refuseCommand(const char* json, size_t length, char* out,
                     size_t capacity) {
  char id[SMSERVER_COMMAND_ID_BYTES + 1];
  if (!commandId(json, length, id)) return 0;
  TextWriter reply(out, capacity);
  reply.put(F("{\"i\":\"")).put(id);
  reply.put(F("\",\"c\":\"ERROR\",\"m\":\"this device takes no commands\"}"));
  return reply.overflowed() ? 0 : reply.length();
}

}  // namespace smserver
