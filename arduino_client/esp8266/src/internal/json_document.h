#pragma once

#include <ArduinoJson.h>
#include <stddef.h>

namespace smserver {

// The only place where documents are read and written: templates would come
// along with every translation unit that calls them.

// The text must be known to be JSON. ArduinoJson's own parser is not used: it
// takes more than JSON, and would be the second one in flash. Integers of 63
// bits are kept as such; whatever has a fraction or an exponent, or is larger,
// is a double. False when memory is out, or there are more than 10 levels.
bool parseDocument(const char* text, size_t length, JsonDocument* out);
// Writes up to `capacity` bytes, without a NUL. Returns the length of the whole
// text; with a capacity of 0 nothing else happens.
size_t writeDocument(const JsonDocument& document, char* out, size_t capacity);

}  // namespace smserver
