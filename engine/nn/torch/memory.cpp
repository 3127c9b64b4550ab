// The allocator under CPU tensors. Activations are large and short-lived, and a
// network makes the same sizes again in every step. glibc either keeps them in a
// heap whose gaps raise the peak by half, or gives them back and pays a page
// fault every 4 KB to have them again. Here freed blocks are kept for tensors of
// about the same size, but only as long as tensors and kept blocks together do
// not exceed what tensors alone once held: so keeping never raises the peak.

#include "kernels.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <list>
#include <map>
#include <mutex>
#include <new>
#include <unordered_map>

namespace {

constexpr size_t kLarge = 256 << 10;  // smaller tensors are glibc's
constexpr size_t kPage = 4096, kHugePage = 2 << 20;

size_t rounded(size_t n, size_t to) { return (n + to - 1) / to * to; }

// Map takes memory from the system, in huge pages where it allows them: fewer
// faults, and fewer misses of the address cache.
void *map_memory(size_t size) {
  const size_t align = size >= kHugePage ? kHugePage : kPage, all = size + align - kPage;
  char *p = static_cast<char *>(mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (p == MAP_FAILED) return nullptr;
  char *begin = reinterpret_cast<char *>(rounded(reinterpret_cast<size_t>(p), align)), *end = begin + size;
  if (begin > p) munmap(p, begin - p);
  if (p + all > end) munmap(end, p + all - end);
  if (size >= kHugePage) madvise(begin, size, MADV_HUGEPAGE);  // may be refused, which changes nothing
  return begin;
}

class Pool {
 public:
  void *take(size_t bytes) {
    if (bytes < kLarge) {
      void *p = c10::alloc_cpu(bytes);
      count(int64_t(malloc_usable_size(p)));
      return p;
    }
    const size_t size = rounded(bytes, kPage);
    std::lock_guard<std::mutex> hold(mutex_);
    void *p = reuse(size);
    if (p == nullptr) {
      shrink(std::max<int64_t>(0, largest_ - tensors_ - int64_t(size)));
      p = map_memory(size);
      TORCH_CHECK_WITH(OutOfMemoryError, p != nullptr, "not enough memory: a tensor of ", bytes, " bytes");
      blocks_[p] = {size, 0};
    }
    Block &b = blocks_[p];
    b.used = bytes;
    tensors_ += int64_t(b.size);
    largest_ = std::max(largest_, tensors_);
    live_ += int64_t(bytes);
    peak_ = std::max(peak_, live_);
    return p;
  }

  void give(void *p) {
    std::lock_guard<std::mutex> hold(mutex_);
    const auto found = blocks_.find(p);
    if (found == blocks_.end()) {
      live_ -= int64_t(malloc_usable_size(p));
      c10::free_cpu(p);
      return;
    }
    const Block b = found->second;
    live_ -= int64_t(b.used);
    tensors_ -= int64_t(b.size);
    kept_ += int64_t(b.size);
    order_.push_back({b.size, p});
    by_size_.emplace(b.size, std::prev(order_.end()));
    shrink(largest_ - tensors_);
  }

  int64_t live() {
    std::lock_guard<std::mutex> hold(mutex_);
    return live_;
  }
  int64_t peak() {
    std::lock_guard<std::mutex> hold(mutex_);
    return peak_;
  }
  void reset() {
    std::lock_guard<std::mutex> hold(mutex_);
    peak_ = live_;
  }

 private:
  struct Block {
    size_t size, used;  // of the mapping, of the tensor
  };
  struct Kept {
    size_t size;
    void *p;
  };
  using Order = std::list<Kept>;  // kept longest first

  void count(int64_t bytes) {
    std::lock_guard<std::mutex> hold(mutex_);
    live_ += bytes;
    peak_ = std::max(peak_, live_);
  }

  // A kept block that is at most an eighth too large, or null.
  void *reuse(size_t size) {
    const auto found = by_size_.lower_bound(size);
    if (found == by_size_.end() || found->first > size + size / 8) return nullptr;
    void *p = found->second->p;
    kept_ -= int64_t(found->first);
    order_.erase(found->second);
    by_size_.erase(found);
    return p;
  }

  // Gives kept blocks back until at most so many bytes are kept.
  void shrink(int64_t most) {
    while (kept_ > most) {
      const Kept k = order_.front();
      auto [at, end] = by_size_.equal_range(k.size);
      while (at != end && at->second != order_.begin()) at++;
      by_size_.erase(at);
      order_.pop_front();
      blocks_.erase(k.p);
      kept_ -= int64_t(k.size);
      munmap(k.p, k.size);
    }
  }

  std::mutex mutex_;
  std::unordered_map<void *, Block> blocks_;  // all mappings, in use or kept
  Order order_;
  std::multimap<size_t, Order::iterator> by_size_;
  int64_t live_ = 0, peak_ = 0;                       // bytes asked for, small tensors too
  int64_t tensors_ = 0, largest_ = 0, kept_ = 0;  // bytes of mappings: in use, the most ever, kept
};

Pool &pool() {
  static Pool *const pool = new Pool;  // for ever: tensors may outlive everything else
  return *pool;
}

struct PoolAllocator final : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) const override {
    void *p = bytes == 0 ? nullptr : pool().take(bytes);
    return {p, p, &release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  static void release(void *p) {
    if (p != nullptr) pool().give(p);
  }
};

}  // namespace

extern "C" void minivess_pool_memory(void) {
  static PoolAllocator allocator;
  c10::SetCPUAllocator(&allocator, 255);
}
extern "C" int64_t minivess_live_bytes(void) { return pool().live(); }
extern "C" int64_t minivess_peak_bytes(void) { return pool().peak(); }
extern "C" void minivess_reset_peak(void) { pool().reset(); }
