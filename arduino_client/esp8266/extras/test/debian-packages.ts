/** Debian packages that the firmware tests need: compilers for both ends, test framework, formatter. */
export const DEBIAN_PACKAGES: readonly string[] = [
  'binutils',
  'clang-format',
  'doctest-dev',
  'g++',
  'g++-multilib',
  'gcc-xtensa-lx106',
  'nlohmann-json3-dev',
  'picolibc-xtensa-lx106-elf',
];

/** Not installed but unpacked into build/: it depends on a whole ARM toolchain, and only its headers are used. */
export const UNPACKED_PACKAGE = 'libstdc++-arm-none-eabi-dev';
