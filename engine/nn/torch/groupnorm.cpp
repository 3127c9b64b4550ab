// libtorch 2.1's group normalisation has no fast gradient for tensors with
// channels last, though convolutions are fastest with that layout, and its batch
// normalisation adds up a whole batch in single precision. These kernels make two
// passes over memory in either direction, fuse the activation, and add up in an
// order that does not depend on the number of threads.

#include "kernels.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MULTIVERSION
#endif
#define INLINE static inline __attribute__((always_inline))

namespace {

using at::Tensor;

// A row is a whole number of voxels, at least kLanes elements long, so that
// vector registers are filled even by 8 channels. Per-channel constants are
// repeated to a row's length.
constexpr int64_t kLanes = 32;
// Elements that one task sums up in float before going on in double.
constexpr int64_t kTask = 16384;

INLINE void moments_body(const float *x, int64_t rows, int64_t width, const float *pivot, float *s, float *q) {
  for (int64_t r = 0; r < rows; r++, x += width)
    for (int64_t c = 0; c < width; c++) {
      const float d = x[c] - pivot[c];
      s[c] += d;
      q[c] += d * d;
    }
}

INLINE void apply_body(const float *x, float *y, int64_t rows, int64_t width, const float *a, const float *b,
                       float slope) {
  for (int64_t r = 0; r < rows; r++, x += width, y += width)
    for (int64_t c = 0; c < width; c++) {
      const float z = x[c] * a[c] + b[c];
      y[c] = z * (z > 0 ? 1.0f : slope);
    }
}

INLINE void sums_body(const float *x, const float *dy, int64_t rows, int64_t width, const float *a, const float *b,
                      const float *mean, float slope, float *s, float *q) {
  for (int64_t r = 0; r < rows; r++, x += width, dy += width)
    for (int64_t c = 0; c < width; c++) {
      const float g = dy[c] * (x[c] * a[c] + b[c] > 0 ? 1.0f : slope);
      s[c] += g;
      q[c] += g * (x[c] - mean[c]);
    }
}

INLINE void grad_body(const float *x, const float *dy, float *dx, int64_t rows, int64_t width, const float *a,
                      const float *b, const float *u, const float *v, float slope) {
  for (int64_t r = 0; r < rows; r++, x += width, dy += width, dx += width)
    for (int64_t c = 0; c < width; c++) {
      const float g = dy[c] * (x[c] * a[c] + b[c] > 0 ? 1.0f : slope);
      dx[c] = a[c] * g + u[c] * x[c] + v[c];
    }
}

// The usual widths as constants, so that sums stay in registers.
#define DISPATCH(width, call)             \
  switch (width) {                        \
    case 32: { constexpr int64_t W = 32; call; break; }   \
    case 64: { constexpr int64_t W = 64; call; break; }   \
    default: { const int64_t W = width; call; break; }    \
  }

MULTIVERSION void moments(const float *x, int64_t rows, int64_t width, const float *pivot, float *s, float *q) {
  DISPATCH(width, moments_body(x, rows, W, pivot, s, q))
}
MULTIVERSION void apply(const float *x, float *y, int64_t rows, int64_t width, const float *a, const float *b,
                        float slope) {
  DISPATCH(width, apply_body(x, y, rows, W, a, b, slope))
}
MULTIVERSION void sums(const float *x, const float *dy, int64_t rows, int64_t width, const float *a, const float *b,
                       const float *mean, float slope, float *s, float *q) {
  DISPATCH(width, sums_body(x, dy, rows, W, a, b, mean, slope, s, q))
}
MULTIVERSION void gradient(const float *x, const float *dy, float *dx, int64_t rows, int64_t width, const float *a,
                           const float *b, const float *u, const float *v, float slope) {
  DISPATCH(width, grad_body(x, dy, dx, rows, W, a, b, u, v, slope))
}

MULTIVERSION void widen(const uint16_t *in, float *out, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    const uint32_t bits = uint32_t(in[i]) << 16;
    std::memcpy(out + i, &bits, 4);
  }
}
// Rounds to nearest, ties to even; NaN stays NaN.
MULTIVERSION void narrow(const float *in, uint16_t *out, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t bits;
    std::memcpy(&bits, in + i, 4);
    const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    out[i] = in[i] == in[i] ? uint16_t(rounded) : uint16_t(0x7fc0);
  }
}

// Sizes of one problem. Memory is (n, voxel, channel).
struct Layout {
  int64_t n, c, voxels, groups, repeat, per_task, tasks;

  // With whole set, the batch is one sample: its memory is that already.
  Layout(const Tensor &x, int64_t groups, bool whole) : n(x.size(0)), c(x.size(1)), groups(groups) {
    voxels = x.size(2) * x.size(3) * x.size(4);
    if (whole) voxels *= n, n = 1;
    repeat = std::max<int64_t>(1, (kLanes + c - 1) / c);
    per_task = std::max<int64_t>(repeat, kTask / c / repeat * repeat);
    tasks = (voxels + per_task - 1) / per_task;
  }
  int64_t width() const { return repeat * c; }
};

// Repeats per-channel values of one sample to a row's length.
void repeat_row(const float *values, const Layout &l, float *row) {
  for (int64_t r = 0; r < l.repeat; r++) std::copy(values, values + l.c, row + r * l.c);
}

// Block reads elements of a tensor as float: in place, or through a buffer.
class Block {
 public:
  Block(const Tensor &t, int64_t capacity)
      : half_(t.scalar_type() == at::kBFloat16), data_(t.data_ptr()), buffer_(half_ ? capacity : 0) {}
  const float *read(int64_t at, int64_t n) {
    if (!half_) return static_cast<const float *>(data_) + at;
    widen(static_cast<const uint16_t *>(data_) + at, buffer_.data(), n);
    return buffer_.data();
  }
  float *begin(int64_t at) { return half_ ? buffer_.data() : static_cast<float *>(data_) + at; }
  void end(int64_t at, int64_t n) {
    if (half_) narrow(buffer_.data(), static_cast<uint16_t *>(data_) + at, n);
  }

 private:
  bool half_;
  void *data_;
  std::vector<float> buffer_;
};

// Runs f(sample, task, first voxel, voxels) for all tasks in parallel.
template <class F>
void for_tasks(const Layout &l, const F &f) {
  const int64_t serial = 32768;  // elements that are not worth waking a thread for
  const int64_t grain = std::max<int64_t>(1, serial / std::max<int64_t>(1, std::min(l.per_task, l.voxels) * l.c));
  at::parallel_for(0, l.n * l.tasks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t sample = i / l.tasks, task = i % l.tasks, first = task * l.per_task;
      f(sample, task, first, std::min(l.per_task, l.voxels - first));
    }
  });
}

// Folds two rows of sums into per-channel doubles.
void fold(const Layout &l, const float *s, const float *q, double *out) {
  for (int64_t c = 0; c < l.c; c++) {
    double a = 0, b = 0;
    for (int64_t r = 0; r < l.repeat; r++) a += s[r * l.c + c], b += q[r * l.c + c];
    out[c] = a, out[l.c + c] = b;
  }
}

// Adds up the tasks of one sample: c sums, then c second sums.
std::vector<double> total(const Layout &l, const std::vector<double> &partial, int64_t sample) {
  std::vector<double> out(2 * l.c);
  for (int64_t t = 0; t < l.tasks; t++)
    for (int64_t c = 0; c < 2 * l.c; c++) out[c] += partial[(sample * l.tasks + t) * 2 * l.c + c];
  return out;
}

// Per-sample, per-channel constants of z = a·x + b.
struct Affine {
  std::vector<float> a, b;
};

Affine affine(const Layout &l, const Tensor &weight, const Tensor &bias, const float *mean, const float *rstd) {
  Affine f{std::vector<float>(l.n * l.c), std::vector<float>(l.n * l.c)};
  const float *w = weight.defined() ? weight.data_ptr<float>() : nullptr;
  const float *o = bias.defined() ? bias.data_ptr<float>() : nullptr;
  const int64_t size = l.c / l.groups;
  for (int64_t i = 0; i < l.n; i++)
    for (int64_t c = 0; c < l.c; c++) {
      const int64_t g = i * l.groups + c / size;
      const double a = double(rstd[g]) * (w ? w[c] : 1.0f);
      f.a[i * l.c + c] = float(a);
      f.b[i * l.c + c] = float((o ? o[c] : 0.0f) - mean[g] * a);
    }
  return f;
}

// Means, variances and reciprocal deviations, (n, groups). Sums are taken of
// differences from the first voxel, so that a large mean does not drown a small
// variance.
void statistics(const Tensor &x, const Layout &l, double eps, float *mean, double *variance, float *rstd) {
  const int64_t w = l.width();
  std::vector<float> pivots(l.n * l.c);
  Block first(x, l.c);
  for (int64_t i = 0; i < l.n; i++) {
    const float *p = first.read(i * l.voxels * l.c, l.c);
    for (int64_t c = 0; c < l.c; c++) pivots[i * l.c + c] = std::isfinite(p[c]) ? p[c] : 0;
  }
  std::vector<double> partial(l.n * l.tasks * 2 * l.c);
  for_tasks(l, [&](int64_t i, int64_t task, int64_t begin, int64_t count) {
    std::vector<float> pivot(w), s(w), q(w);
    repeat_row(&pivots[i * l.c], l, pivot.data());
    Block in(x, count * l.c);
    const float *p = in.read((i * l.voxels + begin) * l.c, count * l.c);
    const int64_t rows = count / l.repeat;
    moments(p, rows, w, pivot.data(), s.data(), q.data());
    moments(p + rows * w, count - rows * l.repeat, l.c, pivot.data(), s.data(), q.data());
    fold(l, s.data(), q.data(), &partial[(i * l.tasks + task) * 2 * l.c]);
  });
  const int64_t size = l.c / l.groups;
  const double count = double(l.voxels) * size;
  for (int64_t i = 0; i < l.n; i++) {
    const std::vector<double> t = total(l, partial, i);
    for (int64_t g = 0; g < l.groups; g++) {
      double m = 0, v = 0;
      for (int64_t c = g * size; c < (g + 1) * size; c++) m += t[c] + double(pivots[i * l.c + c]) * l.voxels;
      m /= count;
      for (int64_t c = g * size; c < (g + 1) * size; c++) {
        const double d = m - pivots[i * l.c + c];
        v += t[l.c + c] - 2 * d * t[c] + d * d * l.voxels;
      }
      mean[i * l.groups + g] = float(m);
      variance[i * l.groups + g] = std::max(v / count, 0.0);
      rstd[i * l.groups + g] = float(1 / std::sqrt(variance[i * l.groups + g] + eps));
    }
  }
}

Tensor forward_pass(const Tensor &x, const Layout &l, const Affine &f, double slope) {
  Tensor y = at::empty(x.sizes(), x.options().memory_format(at::MemoryFormat::ChannelsLast3d));
  const int64_t w = l.width();
  for_tasks(l, [&](int64_t i, int64_t, int64_t begin, int64_t count) {
    std::vector<float> a(w), b(w);
    repeat_row(&f.a[i * l.c], l, a.data());
    repeat_row(&f.b[i * l.c], l, b.data());
    Block in(x, count * l.c), out(y, count * l.c);
    const int64_t at = (i * l.voxels + begin) * l.c, rows = count / l.repeat;
    const float *p = in.read(at, count * l.c);
    float *o = out.begin(at);
    apply(p, o, rows, w, a.data(), b.data(), float(slope));
    apply(p + rows * w, o + rows * w, count - rows * l.repeat, l.c, a.data(), b.data(), float(slope));
    out.end(at, count * l.c);
  });
  return y;
}

// Per-channel Σg and Σg·(x−mean), g being the gradient before the activation.
std::vector<double> gradient_sums(const Tensor &x, const Tensor &dy, const Layout &l, const Affine &f,
                                  const std::vector<float> &mean, double slope) {
  const int64_t w = l.width();
  std::vector<double> partial(l.n * l.tasks * 2 * l.c);
  for_tasks(l, [&](int64_t i, int64_t task, int64_t begin, int64_t count) {
    std::vector<float> a(w), b(w), m(w), s(w), q(w);
    repeat_row(&f.a[i * l.c], l, a.data());
    repeat_row(&f.b[i * l.c], l, b.data());
    repeat_row(&mean[i * l.c], l, m.data());
    Block in(x, count * l.c), grad(dy, count * l.c);
    const int64_t at = (i * l.voxels + begin) * l.c, rows = count / l.repeat;
    const float *p = in.read(at, count * l.c), *g = grad.read(at, count * l.c);
    sums(p, g, rows, w, a.data(), b.data(), m.data(), float(slope), s.data(), q.data());
    sums(p + rows * w, g + rows * w, count - rows * l.repeat, l.c, a.data(), b.data(), m.data(), float(slope),
         s.data(), q.data());
    fold(l, s.data(), q.data(), &partial[(i * l.tasks + task) * 2 * l.c]);
  });
  std::vector<double> out;
  for (int64_t i = 0; i < l.n; i++) {
    const std::vector<double> t = total(l, partial, i);
    out.insert(out.end(), t.begin(), t.end());
  }
  return out;
}

// dx = a·g + u·x + v with per-channel u and v.
Tensor input_gradient(const Tensor &x, const Tensor &dy, const Layout &l, const Affine &f, const std::vector<float> &u,
                      const std::vector<float> &v, double slope) {
  Tensor dx = at::empty(x.sizes(), x.options().memory_format(at::MemoryFormat::ChannelsLast3d));
  const int64_t w = l.width();
  for_tasks(l, [&](int64_t i, int64_t, int64_t begin, int64_t count) {
    std::vector<float> a(w), b(w), uu(w), vv(w);
    repeat_row(&f.a[i * l.c], l, a.data());
    repeat_row(&f.b[i * l.c], l, b.data());
    repeat_row(&u[i * l.c], l, uu.data());
    repeat_row(&v[i * l.c], l, vv.data());
    Block in(x, count * l.c), grad(dy, count * l.c), out(dx, count * l.c);
    const int64_t at = (i * l.voxels + begin) * l.c, rows = count / l.repeat;
    const float *p = in.read(at, count * l.c), *g = grad.read(at, count * l.c);
    float *o = out.begin(at);
    gradient(p, g, o, rows, w, a.data(), b.data(), uu.data(), vv.data(), float(slope));
    gradient(p + rows * w, g + rows * w, o + rows * w, count - rows * l.repeat, l.c, a.data(), b.data(), uu.data(),
             vv.data(), float(slope));
    out.end(at, count * l.c);
  });
  return dx;
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

using OptionalTensor = c10::optional<Tensor>;

// Running statistics of a batch norm, and how fast they move.
struct Running {
  Tensor mean, var;
  double momentum = 0;

  // Moves towards the mean and the unbiased variance of a batch.
  void update(const Layout &l, const float *batch_mean, const double *batch_variance) const {
    float *m = mean.data_ptr<float>(), *v = var.data_ptr<float>();
    const double unbiased = double(l.voxels) / double(l.voxels - 1);
    for (int64_t c = 0; c < l.c; c++) {
      m[c] = float((1 - momentum) * m[c] + momentum * batch_mean[c]);
      v[c] = float((1 - momentum) * v[c] + momentum * batch_variance[c] * unbiased);
    }
  }
};

struct NormActivation : torch::autograd::Function<NormActivation> {
  // Autograd takes absent tensors only as empty options. Whole normalises over
  // the batch.
  static Tensor forward(AutogradContext *ctx, const Tensor &input, const OptionalTensor &w, const OptionalTensor &b,
                        int64_t groups, bool whole, double eps, double slope, const Running *running) {
    const Tensor weight = w.value_or(Tensor()), bias = b.value_or(Tensor());
    const Tensor x = input.contiguous(at::MemoryFormat::ChannelsLast3d);
    const Layout l(x, groups, whole);
    Tensor mean = at::empty({l.n, groups}, x.options().dtype(at::kFloat));
    Tensor rstd = at::empty_like(mean);
    std::vector<double> variance(l.n * groups);
    statistics(x, l, eps, mean.data_ptr<float>(), variance.data(), rstd.data_ptr<float>());
    if (running != nullptr) running->update(l, mean.data_ptr<float>(), variance.data());
    ctx->save_for_backward({x, weight, bias, mean, rstd});
    ctx->saved_data["groups"] = groups;
    ctx->saved_data["whole"] = whole;
    ctx->saved_data["slope"] = slope;
    return forward_pass(x, l, affine(l, weight, bias, mean.data_ptr<float>(), rstd.data_ptr<float>()), slope);
  }

  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], &bias = saved[2];
    const float *mean = saved[3].data_ptr<float>(), *rstd = saved[4].data_ptr<float>();
    const double slope = ctx->saved_data["slope"].toDouble();
    const Layout l(x, ctx->saved_data["groups"].toInt(), ctx->saved_data["whole"].toBool());
    const Tensor dy = grads[0].to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast3d);
    const Affine f = affine(l, weight, bias, mean, rstd);
    const int64_t size = l.c / l.groups;
    std::vector<float> means(l.n * l.c), u(l.n * l.c), v(l.n * l.c);
    for (int64_t i = 0; i < l.n * l.c; i++) means[i] = mean[i / l.c * l.groups + i % l.c / size];
    const std::vector<double> t = gradient_sums(x, dy, l, f, means, slope);
    const double count = double(l.voxels) * size;
    std::vector<double> dw(l.c), db(l.c);
    for (int64_t i = 0; i < l.n; i++)
      for (int64_t g = 0; g < l.groups; g++) {
        const double r = rstd[i * l.groups + g], m = mean[i * l.groups + g];
        double first = 0, second = 0;
        for (int64_t c = g * size; c < (g + 1) * size; c++) {
          const double s = t[i * 2 * l.c + c], q = t[i * 2 * l.c + l.c + c], a = f.a[i * l.c + c];
          first += a * s;
          second += a * q;
          dw[c] += q * r;
          db[c] += s;
        }
        const double scale = -second * r * r / count;
        for (int64_t c = g * size; c < (g + 1) * size; c++) {
          u[i * l.c + c] = float(scale);
          v[i * l.c + c] = float(-scale * m - first / count);
        }
      }
    Tensor dx = input_gradient(x, dy, l, f, u, v, slope), dweight, dbias;
    if (weight.defined()) {
      dweight = at::empty_like(weight);
      dbias = at::empty_like(bias);
      std::copy(dw.begin(), dw.end(), dweight.data_ptr<float>());
      std::copy(db.begin(), db.end(), dbias.data_ptr<float>());
    }
    return {dx, dweight, dbias, Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

void check(const Tensor &x, const std::vector<Tensor> &params, int64_t groups) {
  TORCH_CHECK(x.dim() == 5 && x.device().is_cpu(), "normalisation: the input must be a CPU tensor with 5 axes");
  TORCH_CHECK(x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16,
              "normalisation: the input must be float32 or bfloat16");
  TORCH_CHECK(x.numel() > 0 && groups > 0 && x.size(1) % groups == 0,
              "normalisation: channels do not split into groups");
  for (const Tensor &p : params)
    TORCH_CHECK(!p.defined() || (p.scalar_type() == at::kFloat && p.is_contiguous() && p.numel() == x.size(1)),
                "normalisation: parameters must be float32, one element a channel");
}

OptionalTensor option(const Tensor &t) { return t.defined() ? OptionalTensor(t) : c10::nullopt; }

Tensor predict_batch_norm(const Tensor &input, const Tensor &w, const Tensor &b, const Running &r, double eps,
                          double slope) {
  const Tensor x = input.contiguous(at::MemoryFormat::ChannelsLast3d);
  const Layout l(x, x.size(1), true);
  std::vector<float> rstd(l.c);
  for (int64_t c = 0; c < l.c; c++) rstd[c] = float(1 / std::sqrt(double(r.var.data_ptr<float>()[c]) + eps));
  return forward_pass(x, l, affine(l, w, b, r.mean.data_ptr<float>(), rstd.data()), slope);
}

template <class F>
void *guarded(char **error, const F &f) {
  try {
    return new Tensor(f());
  } catch (const std::exception &e) {
    *error = strdup(e.what());
    return nullptr;
  }
}

Tensor &tensor(void *t) { return *static_cast<Tensor *>(t); }

}  // namespace

extern "C" void *minivess_group_norm(void *x, void *weight, void *bias, int64_t groups, double eps, double slope,
                                     char **error) {
  return guarded(error, [&] {
    const Tensor &w = tensor(weight), &b = tensor(bias);
    check(tensor(x), {w, b}, groups);
    TORCH_CHECK(w.defined() == b.defined(), "normalisation: weight and bias go together");
    return NormActivation::apply(tensor(x), option(w), option(b), groups, false, eps, slope,
                                 static_cast<const Running *>(nullptr));
  });
}

extern "C" void *minivess_batch_norm(void *x, void *weight, void *bias, void *running_mean, void *running_var,
                                     int train, double momentum, double eps, double slope, char **error) {
  return guarded(error, [&] {
    const Tensor &w = tensor(weight), &b = tensor(bias);
    const Running running{tensor(running_mean), tensor(running_var), momentum};
    check(tensor(x), {w, b, running.mean, running.var}, tensor(x).size(1));
    TORCH_CHECK(w.defined() == b.defined(), "normalisation: weight and bias go together");
    if (!train) return predict_batch_norm(tensor(x), w, b, running, eps, slope);
    return NormActivation::apply(tensor(x), option(w), option(b), tensor(x).size(1), true, eps, slope,
                                 running.mean.defined() ? &running : static_cast<const Running *>(nullptr));
  });
}
