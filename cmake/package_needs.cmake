# What cpack needs beside the program (cmake/install.cmake).
find_program(AFU_SHLIBDEPS dpkg-shlibdeps)
if(NOT AFU_SHLIBDEPS)
  message(FATAL_ERROR "cpack: dpkg-shlibdeps tells what the package depends on, and is not installed: apt-get install dpkg-dev")
endif()
