# Finds niftilib's second version and defines Nifti2::nifti2. Debian's own CMake package of it names libraries that other
# Debian packages hold.
find_path(NIFTI2_INCLUDE nifti/nifti2_io.h)
find_library(NIFTI2_LIBRARY nifti2)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Nifti2 REQUIRED_VARS NIFTI2_LIBRARY NIFTI2_INCLUDE)
if(Nifti2_FOUND AND NOT TARGET Nifti2::nifti2)
  add_library(Nifti2::nifti2 UNKNOWN IMPORTED)
  set_target_properties(Nifti2::nifti2 PROPERTIES IMPORTED_LOCATION ${NIFTI2_LIBRARY}
                        INTERFACE_INCLUDE_DIRECTORIES ${NIFTI2_INCLUDE})
endif()
