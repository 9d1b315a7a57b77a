#pragma once

#include <functional>

#include "../SMServerTypes.h"
#include "errand.h"

namespace smserver {

using PairingCallback = std::function<void(const SMPairing& answer)>;

// A request of docs/protocol.md, "Pairing by devices". `uuid` is in lower case,
// or empty; `code` six digits, or empty; the callback is called with the
// answer. Null when memory is out. As to the class behind it, see
// newCommandRunner().
Errand* newPairing(SMPairing::Request request, const char* uuid,
                   const char* code, const PairingCallback& callback);

}  // namespace smserver
