// Calls of libtorch with settings that gotch does not bind.

#include "kernels.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace {

// Runs f and hands its tensor out; an exception becomes a message.
template <class F>
void *guarded(char **error, const F &f) {
  try {
    return new at::Tensor(f());
  } catch (const std::exception &e) {
    *error = strdup(e.what());
    return nullptr;
  }
}

at::Tensor &tensor(void *t) { return *static_cast<at::Tensor *>(t); }

}  // namespace

extern "C" void *minivess_leaky_relu(void *x, double slope, int in_place, char **error) {
  return guarded(error, [&] { return in_place ? at::leaky_relu_(tensor(x), slope) : at::leaky_relu(tensor(x), slope); });
}

extern "C" void *minivess_elu(void *x, double alpha, double input_scale, char **error) {
  return guarded(error, [&] { return at::elu(tensor(x), alpha, 1, input_scale); });
}

// The generator is one of its own, so that nothing else that draws meanwhile
// changes what is dropped. A mask of booleans is all that the gradient needs.
extern "C" void *minivess_dropout(void *x, double p, int axes, int64_t seed, char **error) {
  return guarded(error, [&] {
    const at::Tensor &t = tensor(x);
    auto generator = at::detail::createCPUGenerator(static_cast<uint64_t>(seed));
    at::Tensor kept;
    if (axes == 0) {
      kept = at::empty_like(t, t.options().device(at::kCPU).dtype(at::kBool));
    } else {
      std::vector<int64_t> sizes(t.dim(), 1);
      std::copy_n(t.sizes().begin(), axes, sizes.begin());
      kept = at::empty(sizes, t.options().device(at::kCPU).dtype(at::kBool));
    }
    kept.bernoulli_(1 - p, generator);
    return t.mul(kept.to(t.device())).mul_(1 / (1 - p));
  });
}
