// An allocator that counts the bytes of tensors. Scratch memory that oneDNN
// takes by itself is not a tensor's and is not counted.

#include "kernels.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <atomic>

namespace {

// Room for the size in front of the elements, which stay aligned.
constexpr size_t kHeader = 64;

std::atomic<int64_t> live{0}, peak{0};

void grow(int64_t bytes) {
  const int64_t now = live.fetch_add(bytes) + bytes;
  int64_t most = peak.load();
  while (now > most && !peak.compare_exchange_weak(most, now)) {
  }
}

void release(void *p) {
  if (p == nullptr) return;
  char *begin = static_cast<char *>(p) - kHeader;
  live.fetch_sub(int64_t(*reinterpret_cast<size_t *>(begin)));
  c10::free_cpu(begin);
}

struct Counting final : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) const override {
    const c10::Device cpu(c10::DeviceType::CPU);
    if (bytes == 0) return {nullptr, nullptr, &release, cpu};
    char *begin = static_cast<char *>(c10::alloc_cpu(bytes + kHeader));
    *reinterpret_cast<size_t *>(begin) = bytes;
    grow(int64_t(bytes));
    return {begin + kHeader, begin + kHeader, &release, cpu};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
};

}  // namespace

extern "C" void minivess_count_memory(void) {
  static Counting counting;  // lives as long as tensors may
  c10::SetCPUAllocator(&counting, 255);
}
extern "C" int64_t minivess_live_bytes(void) { return live.load(); }
extern "C" int64_t minivess_peak_bytes(void) { return peak.load(); }
extern "C" void minivess_reset_peak(void) { peak.store(live.load()); }
