// TorchScript modules with their buffers, which gotch does not list.

#include "script.h"

#include <torch/script.h>

#include <torch/csrc/jit/runtime/graph_executor.h>

#include <cstring>
#include <string>
#include <unordered_set>
#include <vector>

namespace {

struct Entry {
  std::string name;
  torch::Tensor tensor;
  bool buffer;
};

struct Script {
  torch::jit::Module module;
  std::vector<Entry> tensors;
  std::vector<torch::Tensor> outputs;
};

char *copy(const char *message) { return strdup(message); }

// Whole numbers keep their type; Module::to would make floats of them.
void place(torch::Tensor t, torch::Device device) {
  torch::NoGradGuard guard;
  t.set_data(t.is_floating_point() ? t.data().to(device, torch::kFloat).contiguous() : t.data().to(device).contiguous());
}

// Tuples and lists may be nested, as deep supervision's often are.
void flatten(const torch::jit::IValue &v, std::vector<torch::Tensor> &out) {
  if (v.isTensor()) {
    out.push_back(v.toTensor());
  } else if (v.isTuple()) {
    for (const auto &e : v.toTupleRef().elements()) flatten(e, out);
  } else if (v.isList()) {
    for (const torch::jit::IValue &e : v.toListRef()) flatten(e, out);
  } else {
    throw std::runtime_error("the module returned a " + v.tagKind() + "; it must return a tensor, or a tuple or list of tensors");
  }
}

template <typename F> auto guarded(char **error, decltype(std::declval<F>()()) failed, F f) {
  try {
    return f();
  } catch (const c10::Error &e) {
    *error = copy(e.what_without_backtrace());
  } catch (const std::exception &e) {
    *error = copy(e.what());
  }
  return failed;
}

} // namespace

extern "C" {

void *minivess_script_load(const char *path, int64_t device, char **error) {
  // The profiling executor changes its arithmetic after the first passes, so
  // that a run that was resumed would differ from one that was not.
  torch::jit::getProfilingMode() = false;
  return guarded(error, static_cast<void *>(nullptr), [&]() -> void * {
    auto s = std::make_unique<Script>();
    s->module = torch::jit::load(path, torch::kCPU);
    const auto where = device < 0 ? torch::Device(torch::kCPU) : torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(device));
    std::unordered_set<const void *> seen;
    auto add = [&](const std::string &name, torch::Tensor t, bool buffer) {
      if (!seen.insert(t.unsafeGetTensorImpl()).second) return;
      place(t, where);
      s->tensors.push_back({name, t, buffer});
    };
    for (const auto &p : s->module.named_parameters()) add(p.name, p.value, false);
    for (const auto &b : s->module.named_buffers()) add(b.name, b.value, true);
    return s.release();
  });
}

void minivess_script_free(void *script) { delete static_cast<Script *>(script); }

int64_t minivess_script_tensors(void *script) { return static_cast<int64_t>(static_cast<Script *>(script)->tensors.size()); }

const char *minivess_script_name(void *script, int64_t i) { return static_cast<Script *>(script)->tensors[i].name.c_str(); }

int minivess_script_is_buffer(void *script, int64_t i) { return static_cast<Script *>(script)->tensors[i].buffer; }

void *minivess_script_tensor(void *script, int64_t i) { return &static_cast<Script *>(script)->tensors[i].tensor; }

int64_t minivess_script_forward(void *script, void *x, int train, char **error) {
  auto *s = static_cast<Script *>(script);
  s->outputs.clear();
  return guarded(error, static_cast<int64_t>(-1), [&]() -> int64_t {
    train ? s->module.train() : s->module.eval();
    flatten(s->module.forward({*static_cast<torch::Tensor *>(x)}), s->outputs);
    return static_cast<int64_t>(s->outputs.size());
  });
}

void *minivess_script_take(void *script, int64_t i) {
  auto *s = static_cast<Script *>(script);
  return new torch::Tensor(std::move(s->outputs[i]));
}

} // extern "C"
