# Compiler cache and linker, where they are installed.
find_program(CCACHE ccache)
if(CCACHE)
  # pch_defines and time_macros let ccache keep and use precompiled headers; the base directory makes the cache hold for
  # a checkout at another place.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()
find_program(LLD ld.lld)
if(LLD)
  add_link_options(-fuse-ld=lld)
endif()
