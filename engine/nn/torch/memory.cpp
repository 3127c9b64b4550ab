// The allocator under CPU tensors. Activations are large and short-lived, and a
// network makes the same sizes again in every step. glibc either keeps them in a
// heap whose gaps raise the peak by half, or gives them back and pays a page
// fault every 4 KB to have them again. Here freed blocks are kept for tensors of
// about the same size, but only as long as tensors and kept blocks together do
// not exceed what tensors alone once held: so keeping never raises the peak.
// When no kept block has the right size, pages of others are moved to where they
// are wanted, which is far cheaper than having the system clear new ones.

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
#include <vector>

namespace {

constexpr size_t kLarge = 256 << 10;  // smaller tensors are glibc's
constexpr size_t kPage = 4096, kHugePage = 2 << 20;

size_t rounded(size_t n, size_t to) { return (n + to - 1) / to * to; }

// A stretch of memory that the system knows as one mapping: only such can move.
struct Piece {
  char *p;
  size_t size;
};

struct Block {
  std::vector<Piece> pieces;  // side by side
  size_t size = 0, used = 0;  // of all pieces, of the tensor in them
};

// Takes memory from the system, in huge pages where it allows them: fewer
// faults, and fewer misses of the address cache.
char *map_memory(size_t size) {
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
    char *p = reuse(size);
    if (p == nullptr) {
      largest_ = std::max(largest_, tensors_ + int64_t(size));
      p = assemble(size);
      TORCH_CHECK_WITH(OutOfMemoryError, p != nullptr, "not enough memory: a tensor of ", bytes, " bytes");
      shrink(largest_ - tensors_ - int64_t(size));
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
    const auto found = blocks_.find(static_cast<char *>(p));
    if (found == blocks_.end()) {
      live_ -= int64_t(malloc_usable_size(p));
      c10::free_cpu(p);
      return;
    }
    const Block &b = found->second;
    live_ -= int64_t(b.used);
    tensors_ -= int64_t(b.size);
    keep(found->first, b.size, order_.end());
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
  using Order = std::list<char *>;  // kept longest first

  void count(int64_t bytes) {
    std::lock_guard<std::mutex> hold(mutex_);
    live_ += bytes;
    peak_ = std::max(peak_, live_);
  }

  void keep(char *p, size_t size, Order::iterator before) {
    kept_ += int64_t(size);
    by_size_.emplace(size, order_.insert(before, p));
  }

  // Takes a block out of those kept. Returns the place after it in their order.
  Order::iterator unkeep(Order::iterator at, size_t size) {
    auto [entry, end] = by_size_.equal_range(size);
    while (entry != end && entry->second != at) entry++;
    by_size_.erase(entry);
    kept_ -= int64_t(size);
    return order_.erase(at);
  }

  // A kept block that is at most an eighth too large, or null.
  char *reuse(size_t size) {
    const auto found = by_size_.lower_bound(size);
    if (found == by_size_.end() || found->first > size + size / 8) return nullptr;
    char *p = *found->second;
    unkeep(found->second, found->first);
    return p;
  }

  // A new block. What would exceed the most that was ever held is made of pages
  // of kept blocks, those kept longest first.
  char *assemble(size_t size) {
    char *p = map_memory(size);
    if (p == nullptr) return nullptr;
    Block made;
    made.size = size;
    const int64_t excess = tensors_ + kept_ + int64_t(size) - largest_;
    size_t wanted = excess > 0 ? std::min(size, rounded(size_t(excess), kHugePage)) / kHugePage * kHugePage : 0;
    size_t at = 0;  // so much of the block has been moved there
    for (auto k = order_.begin(); k != order_.end() && at < wanted;) {
      const auto entry = blocks_.find(*k);
      Block &b = entry->second;
      if (b.size < kHugePage) {
        k++;
        continue;
      }
      char *const begin = *k;
      k = unkeep(k, b.size);
      cut(b, b.size % kHugePage);  // what is left lies in huge pages
      while (b.size > 0 && at < wanted) {
        const size_t moved = move(b, p + at, wanted - at);
        if (moved == 0) wanted = 0;
        if (moved > 0) made.pieces.push_back({p + at, moved});
        at += moved;
      }
      if (b.size > 0) {
        keep(begin, b.size, k);
      } else {
        blocks_.erase(entry);
      }
    }
    if (size > at) made.pieces.push_back({p + at, size - at});
    blocks_[p] = std::move(made);
    return p;
  }

  // Gives a block's last n bytes, whole pages, back to the system.
  static void cut(Block &b, size_t n) {
    while (n > 0) {
      Piece &last = b.pieces.back();
      const size_t part = std::min(n, last.size);
      last.size -= part;
      b.size -= part;
      n -= part;
      munmap(last.p + last.size, part);
      if (last.size == 0) b.pieces.pop_back();
    }
  }

  // Moves pages of the block's last piece, at most so many bytes. Returns how
  // many, 0 when the system refuses.
  static size_t move(Block &from, char *to, size_t most) {
    Piece &last = from.pieces.back();
    const size_t n = std::min(most, last.size);
    if (mremap(last.p + last.size - n, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED) {
      // What lay there may be gone already.
      mmap(to, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
      return 0;
    }
    last.size -= n;
    from.size -= n;
    if (last.size == 0) from.pieces.pop_back();
    return n;
  }

  // Gives kept memory back until at most so many bytes are kept.
  void shrink(int64_t most) {
    while (kept_ > most) {
      char *p = order_.front();
      Block &b = blocks_[p];
      unkeep(order_.begin(), b.size);
      cut(b, std::min(b.size, rounded(size_t(kept_ + int64_t(b.size) - most), kHugePage)));
      if (b.size > 0) {
        keep(p, b.size, order_.begin());
      } else {
        blocks_.erase(p);
      }
    }
  }

  std::mutex mutex_;
  std::unordered_map<char *, Block> blocks_;  // by their first byte, in use or kept
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
