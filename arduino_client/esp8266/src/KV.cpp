#include "KV.h"

#include <new>

using smserver::KvImage;

KVError KV::begin(size_t bytes) {
  end();
  if (bytes < kMinBytes || bytes > kMaxBytes) return fail(KVError::BadSize);
  bytes = (bytes + 3) & ~size_t{3};  // flash is read in words
  buffer_ = new (std::nothrow) uint8_t[bytes];
  if (buffer_ == nullptr) return fail(KVError::NoMemory);
  image_ = KvImage(buffer_, bytes);
  const KVError error = medium_.open(&image_, &contents_);
  if (error != KVError::None && error != KVError::Corrupt) end();
  return fail(error);
}

void KV::end() {
  delete[] buffer_;
  buffer_ = nullptr;
  image_ = KvImage();
  medium_ = Medium();
  dirty_ = false;
  contents_ = KVContents::None;
  error_ = KVError::NotBegun;
}

KVError KV::commit() {
  if (buffer_ == nullptr) return fail(KVError::NotBegun);
  if (!dirty_) return fail(KVError::None);
  const KVError error = medium_.save(&image_);
  if (error != KVError::None) return fail(error);
  dirty_ = false;
  contents_ = KVContents::Loaded;
  return fail(KVError::None);
}
