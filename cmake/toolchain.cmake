# Compiler cache, where it is installed.
find_program(CCACHE ccache)
if(CCACHE)
  # pch_defines and time_macros let ccache keep and use precompiled headers; the base directory makes the cache hold for
  # a checkout at another place.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

# No linker is chosen: the default, ld.bfd, leaves the empty frame entries that GCC writes out of the table by which the
# unwinder searches. lld (14) keeps the first entry of an address, and where that is the empty one, an
# exception that passes through the function beside it ends the process. tests/cli/unwinding.cpp looks at what came out.
