// Calls of libtorch with settings that gotch does not bind.

#include "kernels.h"

#include <ATen/ATen.h>

#include <cstring>

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
