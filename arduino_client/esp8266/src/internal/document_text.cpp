#include "document_text.h"

#include <new>

#include "json_document.h"

namespace smserver {

DocumentText::DocumentText(const JsonDocument& json, size_t maxBytes)
    : bytes_(writeDocument(json, nullptr, 0)) {
  if (bytes_ > maxBytes) return;
  text_.reset(new (std::nothrow) char[bytes_ + 1]);
  if (!text_) return;
  writeDocument(json, text_.get(), bytes_);
  text_[bytes_] = '\0';
}

}  // namespace smserver
