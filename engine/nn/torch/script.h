// TorchScript modules with their buffers, which gotch does not list.
#ifndef MINIVESS_SCRIPT_H
#define MINIVESS_SCRIPT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Every function that can fail puts a message in *error, which the caller
// frees, and returns null or a negative number.

// Reads a file onto a device (-1 is the CPU, else a CUDA device's number), with
// its floating-point tensors as float32.
void *minivess_script_load(const char *path, int64_t device, char **error);
void minivess_script_free(void *script);

// The module's tensors, each once: parameters, then buffers. Names and handles
// belong to the script.
int64_t minivess_script_tensors(void *script);
const char *minivess_script_name(void *script, int64_t i);
int minivess_script_is_buffer(void *script, int64_t i);
void *minivess_script_tensor(void *script, int64_t i);

// Runs the module on x, in training or evaluation mode. Returns how many
// tensors came out, in order; their handles are the caller's, who takes each
// once with minivess_script_take.
int64_t minivess_script_forward(void *script, void *x, int train, char **error);
void *minivess_script_take(void *script, int64_t i);

#ifdef __cplusplus
}
#endif
#endif
