// A chip that is powered up, and what its store holds.
#pragma once

#include <string>

#include "KV.h"
#include "check.h"
#include "test_control.h"

namespace {

// A chip with the given flash layout, blank.
struct Chip {
  fake::Uncounted scope;
  explicit Chip(fake::Layout layout = fake::Layout::SpareSector) {
    fake::flash = fake::Flash();
    fake::setLayout(layout);
  }
};

inline std::string text(const KV& kv, const char* key,
                        const char* fallback = "-") {
  char out[KV::kMaxValueBytes + 1];
  kv.get(key, out, sizeof out, fallback);
  return out;
}

// Cuts the power at every byte of a commit that replaces `before` by `after`,
// and hands what the next start finds to `check`.
template <typename Check>
void cutEverywhere(fake::Layout layout, bool backwards, Check check) {
  Chip chip(layout);
  KV kv;
  REQUIRE(kv.begin(512) == KVError::None);
  kv.set("token", "older");
  REQUIRE(kv.commit() == KVError::None);
  kv.set("token", "before");
  kv.set("n", 1);
  REQUIRE(kv.commit() == KVError::None);
  const fake::Flash flash = fake::flash;
  bool cut = true;
  for (long at = 0; cut; ++at) {
    fake::flash = flash;
    fake::flash.backwards = backwards;
    fake::flash.scramble = at % 2 == 0;
    REQUIRE(kv.begin(512) == KVError::None);
    fake::flash.cutAfter = at;
    kv.set("token", "after, and longer");
    kv.set("n", 2);
    const KVError error = kv.commit();
    cut = fake::flash.cut;
    CHECK((error == KVError::None) == !cut);
    fake::flash.powerUp();
    KV next;
    const KVError begun = next.begin(512);
    const std::string token = text(next, "token", "");
    const int n = next.get("n", 0);
    const bool empty = token.empty() && n == 0;
    CHECK((empty || (token == "before" && n == 1) ||
           (token == "after, and longer" && n == 2)));
    if (!cut) CHECK(n == 2);
    check(begun, empty, next);
    // And the store still works.
    next.set("n", 3);
    CHECK(next.commit() == KVError::None);
    REQUIRE(next.begin(512) == KVError::None);
    CHECK(next.get("n", 0) == 3);
  }
}

}  // namespace
