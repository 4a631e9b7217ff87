# The version and git revision of the sources, for a run's context: looked up in every build, written when it changed.
add_custom_target(afu_revision
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_CURRENT_SOURCE_DIR} -DVERSION=${PROJECT_VERSION}
          -DOUTPUT=${CMAKE_BINARY_DIR}/generated/afu_revision.hpp
          -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/write_revision.cmake
  BYPRODUCTS ${CMAKE_BINARY_DIR}/generated/afu_revision.hpp
  COMMENT "" VERBATIM)
