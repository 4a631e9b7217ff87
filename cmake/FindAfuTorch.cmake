# Finds LibTorch and defines AfuTorch::torch, without the global flags that Torch's own package sets.
#
# Where it looks, first hit wins:
#   1. Torch_DIR (variable or environment), 2. CMAKE_PREFIX_PATH (variable or environment), each either the folder with
#      include/ and lib/ or the one that torch.utils.cmake_prefix_path names,
#   3. AFU_TORCH_ROOT: the wheel that tools/setup.sh --cuda unpacks, 4. the system (Debian's libtorch-dev).
# With AFU_CUDA a LibTorch built with CUDA is required, and the CUDA runtime: from the nvidia wheels beside torch's, or
# from the toolkit (CUDAToolkit_ROOT).
#
# Sets AFU_TORCH_VERSION, AFU_TORCH_FOLDER (empty: the system's).
include(FindPackageHandleStandardArgs)

# The folder with include/ and lib/ above a hint, or empty.
function(afu_torch_folder HINT OUT)
  set(${OUT} "" PARENT_SCOPE)
  foreach(UP . ../.. ../../.. ../../../..)
    get_filename_component(FOLDER "${HINT}/${UP}" ABSOLUTE)
    if(EXISTS "${FOLDER}/include/torch/csrc/api/include/torch/torch.h")
      set(${OUT} "${FOLDER}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

set(AFU_TORCH_FOLDER "")
set(HINT "${Torch_DIR}")
if(NOT HINT)
  set(HINT "$ENV{Torch_DIR}")
endif()
if(HINT)
  afu_torch_folder("${HINT}" AFU_TORCH_FOLDER)
  if(NOT AFU_TORCH_FOLDER)
    message(FATAL_ERROR "Torch_DIR is ${HINT}, but there is no LibTorch at or above it.")
  endif()
else()
  string(REPLACE ":" ";" ENV_PREFIXES "$ENV{CMAKE_PREFIX_PATH}")
  foreach(HINT IN LISTS CMAKE_PREFIX_PATH ENV_PREFIXES AFU_TORCH_ROOT)
    if(NOT AFU_TORCH_FOLDER)
      afu_torch_folder("${HINT}" AFU_TORCH_FOLDER)
    endif()
  endforeach()
endif()
if(AFU_TORCH_FOLDER STREQUAL "/usr")
  set(AFU_TORCH_FOLDER "")  # Debian's: its libraries are in the multiarch folder, which CMake knows by itself
endif()

# A different LibTorch than last time must not meet that one's cached libraries.
if(NOT "${AFU_TORCH_FOLDER}" STREQUAL "${AFU_TORCH_FOLDER_CACHED}")
  foreach(V INCLUDE LIBRARY CPU_LIBRARY C10_LIBRARY CUDA_LIBRARY C10_CUDA_LIBRARY CUDART_INCLUDE CUDART_LIBRARY)
    unset(AFU_TORCH_${V} CACHE)
  endforeach()
endif()
set(AFU_TORCH_FOLDER_CACHED "${AFU_TORCH_FOLDER}" CACHE INTERNAL "")

set(ONLY "")
if(AFU_TORCH_FOLDER)
  set(ONLY PATHS "${AFU_TORCH_FOLDER}" NO_DEFAULT_PATH)
endif()
find_path(AFU_TORCH_INCLUDE torch/csrc/api/include/torch/torch.h PATH_SUFFIXES include ${ONLY})
set(SUFFIXES PATH_SUFFIXES lib lib/${CMAKE_LIBRARY_ARCHITECTURE})  # the latter in an unpacked Debian package
find_library(AFU_TORCH_LIBRARY torch ${SUFFIXES} ${ONLY})
find_library(AFU_TORCH_CPU_LIBRARY torch_cpu ${SUFFIXES} ${ONLY})
find_library(AFU_TORCH_C10_LIBRARY c10 ${SUFFIXES} ${ONLY})
set(AFU_TORCH_REQUIRED AFU_TORCH_LIBRARY AFU_TORCH_CPU_LIBRARY AFU_TORCH_C10_LIBRARY AFU_TORCH_INCLUDE)

if(AFU_TORCH_INCLUDE)
  foreach(HEADER torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
    if(NOT AFU_TORCH_VERSION AND EXISTS "${AFU_TORCH_INCLUDE}/${HEADER}")
      set(AFU_TORCH_VERSION "")
      foreach(PART MAJOR MINOR PATCH)
        file(STRINGS "${AFU_TORCH_INCLUDE}/${HEADER}" LINE REGEX "define TORCH_VERSION_${PART} [0-9]+")
        string(REGEX MATCH "[0-9]+$" NUMBER "${LINE}")
        list(APPEND AFU_TORCH_VERSION ${NUMBER})
      endforeach()
      string(REPLACE ";" "." AFU_TORCH_VERSION "${AFU_TORCH_VERSION}")
    endif()
  endforeach()
  set(CONFIG "${AFU_TORCH_FOLDER}/share/cmake/Torch/TorchConfig.cmake")
  if(EXISTS "${CONFIG}")
    file(STRINGS "${CONFIG}" OLD_ABI REGEX "_GLIBCXX_USE_CXX11_ABI=0")
    if(OLD_ABI)
      message(FATAL_ERROR "The LibTorch in ${AFU_TORCH_FOLDER} is built with the old C++ ABI; take its cxx11-ABI build.")
    endif()
  endif()
endif()

if(AFU_CUDA)
  find_library(AFU_TORCH_CUDA_LIBRARY torch_cuda ${SUFFIXES} ${ONLY})
  find_library(AFU_TORCH_C10_CUDA_LIBRARY c10_cuda ${SUFFIXES} ${ONLY})
  list(APPEND AFU_TORCH_REQUIRED AFU_TORCH_CUDA_LIBRARY AFU_TORCH_C10_CUDA_LIBRARY)
  # The nvidia wheels: nvidia/cu13 since CUDA 13, nvidia/cuda_runtime before. They have no libcudart.so link.
  file(GLOB WHEEL_INCLUDE "${AFU_TORCH_FOLDER}/../nvidia/cu[0-9]*/include"
       "${AFU_TORCH_FOLDER}/../nvidia/cuda_runtime/include")
  file(GLOB WHEEL_CUDART "${AFU_TORCH_FOLDER}/../nvidia/cu[0-9]*/lib/libcudart.so*"
       "${AFU_TORCH_FOLDER}/../nvidia/cuda_runtime/lib/libcudart.so*")
  if(AFU_TORCH_FOLDER AND WHEEL_INCLUDE AND WHEEL_CUDART)
    list(GET WHEEL_CUDART 0 WHEEL_CUDART)
    get_filename_component(WHEEL_CUDART "${WHEEL_CUDART}" ABSOLUTE)
    find_path(AFU_TORCH_CUDART_INCLUDE crt/host_defines.h PATHS ${WHEEL_INCLUDE} NO_DEFAULT_PATH)
    set(AFU_TORCH_CUDART_LIBRARY "${WHEEL_CUDART}" CACHE FILEPATH "")
  else()
    find_package(CUDAToolkit QUIET)
    if(TARGET CUDA::cudart)
      set(AFU_TORCH_CUDART_INCLUDE "${CUDAToolkit_INCLUDE_DIRS}" CACHE PATH "")
      set(AFU_TORCH_CUDART_LIBRARY CUDA::cudart CACHE STRING "")
    endif()
  endif()
  list(APPEND AFU_TORCH_REQUIRED AFU_TORCH_CUDART_INCLUDE AFU_TORCH_CUDART_LIBRARY)
endif()

set(REASON "")
if(AFU_CUDA AND NOT (AFU_TORCH_CUDA_LIBRARY AND AFU_TORCH_C10_CUDA_LIBRARY))
  set(REASON REASON_FAILURE_MESSAGE
      "AFU_CUDA needs a LibTorch built with CUDA: give yours by Torch_DIR or CMAKE_PREFIX_PATH, or run tools/setup.sh --cuda")
elseif(AFU_CUDA AND NOT (AFU_TORCH_CUDART_INCLUDE AND AFU_TORCH_CUDART_LIBRARY))
  set(REASON REASON_FAILURE_MESSAGE "The CUDA runtime (headers, libcudart) is missing: give its place by CUDAToolkit_ROOT")
endif()
find_package_handle_standard_args(AfuTorch REQUIRED_VARS ${AFU_TORCH_REQUIRED} VERSION_VAR AFU_TORCH_VERSION ${REASON})

if(AfuTorch_FOUND AND NOT TARGET AfuTorch::torch)
  message(STATUS "LibTorch ${AFU_TORCH_VERSION} in ${AFU_TORCH_INCLUDE}")
  add_library(AfuTorch::torch INTERFACE IMPORTED)
  set(INCLUDES ${AFU_TORCH_INCLUDE} ${AFU_TORCH_INCLUDE}/torch/csrc/api/include)
  if(AFU_TORCH_FOLDER AND EXISTS "${AFU_TORCH_INCLUDE}/fmt")
    # A LibTorch of one's own brings its headers of fmt along, of another version than the fmt we link. A folder with
    # nothing but a link to ours, found before, goes before them.
    get_target_property(AFU_FMT_INCLUDE fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
    file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/fmt_first")
    file(CREATE_LINK "${AFU_FMT_INCLUDE}/fmt" "${CMAKE_BINARY_DIR}/fmt_first/fmt" SYMBOLIC)
    list(PREPEND INCLUDES "${CMAKE_BINARY_DIR}/fmt_first")
  endif()
  set(LIBRARIES ${AFU_TORCH_LIBRARY} ${AFU_TORCH_CPU_LIBRARY} ${AFU_TORCH_C10_LIBRARY})
  if(AFU_CUDA)
    list(APPEND INCLUDES ${AFU_TORCH_CUDART_INCLUDE})
    # Nothing of ours needs to call into torch_cuda for its kernels to be wanted: a linker that drops libraries without
    # a use (Ubuntu's default) would take the CUDA back end away.
    list(APPEND LIBRARIES -Wl,--push-state,--no-as-needed ${AFU_TORCH_CUDA_LIBRARY} -Wl,--pop-state
         ${AFU_TORCH_C10_CUDA_LIBRARY} ${AFU_TORCH_CUDART_LIBRARY})
    target_compile_definitions(AfuTorch::torch INTERFACE AFU_CUDA=1)
  endif()
  target_include_directories(AfuTorch::torch SYSTEM INTERFACE ${INCLUDES})
  target_link_libraries(AfuTorch::torch INTERFACE ${LIBRARIES})
  # PyPI's libtorch.so exports a std::filesystem of its own, of which remove_all calls address 0. Who calls that gets
  # the first one that the loader meets, so the standard library goes before all others.
  target_link_options(AfuTorch::torch INTERFACE LINKER:--push-state,--no-as-needed -lstdc++ LINKER:--pop-state)
endif()
