// Counts the allocations of the library and fails them on demand. Blocks still
// come from the sanitizer's malloc, so leaks and overruns are found.
#include <stdlib.h>

#include <new>

#include "test_control.h"

namespace fake {

Heap heap;
namespace {
thread_local int uncounted = 0;

struct alignas(16) Tag {
  size_t bytes;
  uint32_t counted;
};

void* take(size_t bytes, bool mayFail) {
  const bool counted = uncounted == 0;
  if (counted) {
    ++heap.allocations;
    if (heap.failAt == 0) {
      heap.failAt = -1;
      heap.failed = true;
      // The core's plain `new` would stop the program here.
      if (!mayFail) abort();
      return nullptr;
    }
    if (heap.failAt > 0) --heap.failAt;
    ++heap.live;
    heap.liveBytes += bytes;
  }
  Tag* tag = static_cast<Tag*>(malloc(sizeof(Tag) + bytes));
  if (tag == nullptr) abort();
  tag->bytes = bytes;
  tag->counted = counted;
  return tag + 1;
}

void give(void* block) {
  if (block == nullptr) return;
  Tag* tag = static_cast<Tag*>(block) - 1;
  if (tag->counted) {
    --heap.live;
    heap.liveBytes -= tag->bytes;
  }
  free(tag);
}
}  // namespace

Uncounted::Uncounted() { ++uncounted; }
Uncounted::~Uncounted() { --uncounted; }
Counted::Counted() : saved(uncounted) { uncounted = 0; }
Counted::~Counted() { uncounted = saved; }

}  // namespace fake

void* operator new(size_t bytes) { return fake::take(bytes, false); }
void* operator new[](size_t bytes) { return fake::take(bytes, false); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return fake::take(bytes, true);
}
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  return fake::take(bytes, true);
}
void operator delete(void* block) noexcept { fake::give(block); }
void operator delete[](void* block) noexcept { fake::give(block); }
void operator delete(void* block, size_t) noexcept { fake::give(block); }
void operator delete[](void* block, size_t) noexcept { fake::give(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept {
  fake::give(block);
}
void operator delete[](void* block, const std::nothrow_t&) noexcept {
  fake::give(block);
}
