# Finds libwebp with its demultiplexer and defines WebP::webp: Debian has no CMake package of it.
find_path(WEBP_INCLUDE webp/decode.h)
find_library(WEBP_LIBRARY webp)
find_library(WEBP_DEMUX_LIBRARY webpdemux)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(WebP REQUIRED_VARS WEBP_LIBRARY WEBP_DEMUX_LIBRARY WEBP_INCLUDE)
if(WebP_FOUND AND NOT TARGET WebP::webp)
  add_library(WebP::webp UNKNOWN IMPORTED)
  set_target_properties(WebP::webp PROPERTIES IMPORTED_LOCATION ${WEBP_LIBRARY}
                        INTERFACE_INCLUDE_DIRECTORIES ${WEBP_INCLUDE}
                        INTERFACE_LINK_LIBRARIES ${WEBP_DEMUX_LIBRARY})
endif()
