#pragma once

#include <ArduinoJson.h>
#include <stddef.h>

namespace smserver {

// The only users of ArduinoJson's parser and serializer, which are templates
// and would come along with every translation unit that calls them.

// The text must be known to be JSON: ArduinoJson takes more than that. False
// when memory is out, or the text is nested too deep.
bool parseDocument(const char* text, size_t length, JsonDocument* out);
// Writes up to `capacity` bytes, without a NUL. Returns the length of the whole
// text; with a capacity of 0 nothing else happens.
size_t writeDocument(const JsonDocument& document, char* out, size_t capacity);

}  // namespace smserver
