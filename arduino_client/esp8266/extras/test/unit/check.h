// doctest, told not to pick up the library's own toString().
#pragma once

#define DOCTEST_STRINGIFY(...) doctest::toString(__VA_ARGS__)
#include <doctest/doctest.h>
