/// What the thread sanitizer has to be told of CAF. The distribution's libcaf_core is not compiled with the sanitizer, so
/// its lock-free mailboxes and its reference counts order nothing in the sanitizer's eyes: each message would be a race.
/// This file stands before that library (ELF symbol interposition), in those functions by which messages and actors are
/// handed over, and tells what CAF 0.17.6 guarantees, and no more:
///  - who takes a message out of a mailbox sees what its sender did before putting it in;
///  - an actor's turn sees what the actor did in earlier ones, on whatever thread;
///  - who destroys sees what any holder did before dropping its reference.
/// Two actors that touch the same memory with no message between them are still a race.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace {

void* in_libcaf(const char* name) {
  if (void* found = dlsym(RTLD_NEXT, name)) return found;
  std::fprintf(stderr, "tests/tsan/caf.cpp: libcaf_core has no %s; is it still version 0.17.6?\n", name);
  std::abort();
}

/// `resume` is of a base that is not the first: the bytes from the actor to that base.
constexpr std::ptrdiff_t resumable_base = 160;
/// The bytes from an actor's control block, which has a cache line of its own, to the actor.
constexpr std::ptrdiff_t control_block = 64;

void* before(void* p, std::ptrdiff_t bytes) { return static_cast<char*>(p) - bytes; }

}  // namespace

// Declares FUNCTION as the definition of SYMBOL, and FUNCTION_caf as libcaf's. Member functions take `this` first; a
// unique_ptr is passed by its address.
#define STANDS_BEFORE(SYMBOL, RESULT, FUNCTION, ...)                                         \
  extern "C" RESULT FUNCTION(__VA_ARGS__) __asm__(SYMBOL);                                   \
  static auto FUNCTION##_caf() {                                                             \
    static auto* const found = reinterpret_cast<RESULT (*)(__VA_ARGS__)>(in_libcaf(SYMBOL)); \
    return found;                                                                            \
  }

// ---- messages

#define ELEMENT_AND_HOST "ESt10unique_ptrINS_15mailbox_elementENS_6detail8disposerEEPNS_14execution_unitE"
// scheduled_actor::enqueue(mailbox_element_ptr, execution_unit*)
STANDS_BEFORE("_ZN3caf15scheduled_actor7enqueue" ELEMENT_AND_HOST, void, afu_enqueue, void*, void**, void*)
void afu_enqueue(void* self, void** element, void* host) {
  __tsan_release(*element);
  afu_enqueue_caf()(self, element, host);
}

// blocking_actor::enqueue, of scoped_actor too
STANDS_BEFORE("_ZN3caf14blocking_actor7enqueue" ELEMENT_AND_HOST, void, afu_enqueue_blocking, void*, void**,
              void*)
void afu_enqueue_blocking(void* self, void** element, void* host) {
  __tsan_release(*element);
  afu_enqueue_blocking_caf()(self, element, host);
}

// scheduled_actor::reactivate(mailbox_element&)
STANDS_BEFORE("_ZN3caf15scheduled_actor10reactivateERNS_15mailbox_elementE", int, afu_reactivate, void*,
              void*)
int afu_reactivate(void* self, void* element) {
  __tsan_acquire(element);
  const int result = afu_reactivate_caf()(self, element);
  __tsan_release(self);  // not at the turn's end alone: by then another worker may have begun the next one
  return result;
}

// blocking_actor::mailbox_visitor::operator()(mailbox_element&)
STANDS_BEFORE("_ZN3caf14blocking_actor15mailbox_visitorclERNS_15mailbox_elementE", int, afu_visit, void*,
              void*)
int afu_visit(void* self, void* element) {
  __tsan_acquire(element);
  return afu_visit_caf()(self, element);
}

// ---- turns

// scheduled_actor::launch(execution_unit*, bool, bool)
STANDS_BEFORE("_ZN3caf15scheduled_actor6launchEPNS_14execution_unitEbb", void, afu_launch, void*, void*, bool,
              bool)
void afu_launch(void* self, void* host, bool lazy, bool hidden) {
  __tsan_release(self);
  afu_launch_caf()(self, host, lazy, hidden);
}

// scheduled_actor::resume(execution_unit*, size_t)
STANDS_BEFORE("_ZN3caf15scheduled_actor6resumeEPNS_14execution_unitEm", int, afu_resume, void*, void*,
              std::size_t)
int afu_resume(void* self, void* host, std::size_t most) {
  __tsan_acquire(self);
  const int result = afu_resume_caf()(self, host, most);
  __tsan_release(self);  // what called still holds a reference
  return result;
}

// The same, called by its base; libcaf's would call libcaf's.
extern "C" int afu_resume_base(void*, void*, std::size_t) __asm__(
    "_ZThn160_N3caf15scheduled_actor6resumeEPNS_14execution_unitEm");
int afu_resume_base(void* base, void* host, std::size_t most) {
  return afu_resume(before(base, resumable_base), host, most);
}

// ---- references

// ref_counted::deref(), of what messages hold
STANDS_BEFORE("_ZNK3caf11ref_counted5derefEv", void, afu_deref, void*)
void afu_deref(void* self) {
  __tsan_release(self);
  afu_deref_caf()(self);
}

// memory_managed::request_deletion(bool)
STANDS_BEFORE("_ZNK3caf14memory_managed16request_deletionEb", void, afu_request_deletion, void*, bool)
void afu_request_deletion(void* self, bool decremented) {
  __tsan_acquire(self);
  afu_request_deletion_caf()(self, decremented);
}

// intrusive_ptr_release(actor_control_block*)
STANDS_BEFORE("_ZN3caf21intrusive_ptr_releaseEPNS_19actor_control_blockE", void, afu_release, void*)
void afu_release(void* block) {
  __tsan_release(block);
  afu_release_caf()(block);
}

// local_actor::on_destroy()
STANDS_BEFORE("_ZN3caf11local_actor10on_destroyEv", void, afu_on_destroy, void*)
void afu_on_destroy(void* self) {
  __tsan_acquire(before(self, control_block));
  afu_on_destroy_caf()(self);
}
