# tests/fuzz/NAME.cpp becomes the libFuzzer program fuzz_NAME, over afu_core with the sanitizers on. No LibTorch, no CAF:
#   cmake --preset fuzz && ninja -C build-fuzz
#   build-fuzz/fuzz_npz -max_total_time=60
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "AFU_FUZZ needs clang: cmake --preset fuzz")
endif()
set(AFU_FUZZ_FLAGS -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
target_compile_options(afu_core PUBLIC -fsanitize=fuzzer-no-link,address,undefined ${AFU_FUZZ_FLAGS})
file(GLOB FUZZ_SOURCES CONFIGURE_DEPENDS tests/fuzz/*.cpp)
foreach(SOURCE IN LISTS FUZZ_SOURCES)
  get_filename_component(NAME ${SOURCE} NAME_WE)
  add_executable(fuzz_${NAME} ${SOURCE})
  target_link_libraries(fuzz_${NAME} PRIVATE afu_core)
  target_link_options(fuzz_${NAME} PRIVATE -fsanitize=fuzzer,address,undefined)
endforeach()
# The readers of what a run and a node send each other stand above afu_core; their vectors, which need LibTorch, are opaque there.
file(GLOB WIRE_SOURCES CONFIGURE_DEPENDS src/wire/*.cpp)
target_sources(fuzz_wire PRIVATE ${WIRE_SOURCES} src/job/bytes.cpp)
target_compile_options(fuzz_wire PRIVATE -fsanitize=fuzzer-no-link,address,undefined ${AFU_FUZZ_FLAGS})
target_link_libraries(fuzz_wire PRIVATE OpenSSL::Crypto)
