// doctest, told not to pick up the library's own toString(), and to compile
// fast: nothing here throws.
#pragma once

#define DOCTEST_CONFIG_SUPER_FAST_ASSERTS
#define DOCTEST_STRINGIFY(...) doctest::toString(__VA_ARGS__)
#include <doctest/doctest.h>
