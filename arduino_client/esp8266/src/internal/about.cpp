#include "about.h"

#include "chip.h"

namespace smserver {
namespace {

void writeFields(const About& about, TextWriter* out) {
  out->put(F(",\"f\":{"));
  for (size_t i = 0; i < about.fieldCount; ++i) {
    const SMField& field = about.fields[i];
    if (i > 0) out->put(',');
    out->quoted(field.name).put(F(":{"));
    if (field.unit != nullptr) out->put(F("\"u\":")).quoted(field.unit);
    if (field.unit != nullptr && field.kind != nullptr) out->put(',');
    if (field.kind != nullptr) out->put(F("\"k\":")).quoted(field.kind);
    out->put('}');
  }
  out->put('}');
}

void writeCommands(const About& about, TextWriter* out) {
  out->put(F(",\"cmd\":{"));
  for (size_t i = 0; i < about.commandCount; ++i) {
    const SMCommandInfo& command = about.commands[i];
    if (i > 0) out->put(',');
    out->quoted(command.name).put(':');
    out->put(command.arguments == nullptr ? "{}" : command.arguments);
  }
  out->put('}');
}

}  // namespace

bool About::write(const char* firmware, TextWriter* out) const {
  out->put('{');
  if (firmware != nullptr) out->put(F("\"fw\":")).quoted(firmware).put(',');
  out->put(F("\"board\":")).quoted(chip::board());
  out->put(F(",\"lib\":\"" SMSERVER_VERSION "\",\"reset\":"));
  out->quoted(chip::resetReason());
  const size_t head = out->length();
  if (fieldCount > 0) writeFields(*this, out);
  if (commandCount > 0) writeCommands(*this, out);
  out->put('}');
  if (!out->overflowed()) return true;
  out->cut(head);
  out->put('}');
  return false;
}

}  // namespace smserver
