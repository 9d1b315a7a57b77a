#include "about.h"

#include <string.h>

#include "chip.h"
#include "json_reader.h"

namespace smserver {

void About::describe(const SMField* fields, size_t count) {
  fields_ = fields;
  fieldCount_ = count;
  parts_[0] = writeFields;
}

void About::describe(const SMCommandInfo* commands, size_t count) {
  commands_ = commands;
  commandCount_ = count;
  parts_[1] = writeCommands;
}

void About::writeFields(const About& about, TextWriter* out) {
  out->put(F(",\"f\":{"));
  for (size_t i = 0; i < about.fieldCount_; ++i) {
    const SMField& field = about.fields_[i];
    if (i > 0) out->put(',');
    out->quoted(field.name).put(F(":{"));
    if (field.unit != nullptr) out->put(F("\"u\":")).quoted(field.unit);
    if (field.unit != nullptr && field.kind != nullptr) out->put(',');
    if (field.kind != nullptr) out->put(F("\"k\":")).quoted(field.kind);
    out->put('}');
  }
  out->put('}');
}

void About::writeCommands(const About& about, TextWriter* out) {
  out->put(F(",\"cmd\":{"));
  for (size_t i = 0; i < about.commandCount_; ++i) {
    const SMCommandInfo& command = about.commands_[i];
    if (i > 0) out->put(',');
    out->quoted(command.name).put(':');
    out->put(command.arguments == nullptr ? "{}" : command.arguments);
  }
  out->put('}');
}

SMError About::write(const char* firmware, TextWriter* out) const {
  SMError error = SMError::None;
  out->put('{');
  if (firmware != nullptr) {
    if (isUtf8(firmware, strlen(firmware))) {
      out->put(F("\"fw\":")).quoted(firmware).put(',');
    } else {
      error = SMError::BadPayload;
    }
  }
  // What the chip says of itself needs no escapes.
  out->put(F("\"board\":\"")).put(chip::board());
  out->put(F("\",\"lib\":\"" SMSERVER_VERSION "\",\"reset\":\""));
  out->put(chip::resetReason()).put('"');
  const size_t head = out->length();
  for (const Part part : parts_) {
    if (part != nullptr) part(*this, out);
  }
  out->put('}');
  if (out->overflowed()) {
    error = SMError::TooLong;
  } else if (isJson(out->text(), out->length())) {
    return error;
  } else {
    error = SMError::BadPayload;
  }
  out->cut(head);
  out->put('}');
  return error;
}

}  // namespace smserver
