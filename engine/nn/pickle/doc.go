// Package pickle reads the files that PyTorch's torch.save and torch.jit.save
// write, without Python and without executing anything. A pickle is a program
// for a small stack machine that may name any function to be called; this
// machine has no means of calling one. The handful of functions that tensors
// and containers need are known by name and done in Go. Beyond them:
//
//   - An unknown class is kept as an Object: its name and its state as plain
//     data. So a training script's hyper-parameters do no harm to the weights
//     that lie beside them.
//   - A call of an unknown function is refused, and so is the mention of
//     anything that can run programs, load code or open files (os, subprocess,
//     builtins.eval and their like), since a file that wants it was made to
//     attack. What that list may lack is still not executed.
//
// Which of a checkpoint's dictionaries are weights is decided in engine/nn/weights.
package pickle

import (
	"errors"
	"fmt"
)

// What can be wrong with a file.
var (
	// ErrFormat means that a file is malformed, truncated or contradicts itself.
	ErrFormat = errors.New("not a valid PyTorch file")
	// ErrRefused means that a file asks for something that is not done: calling
	// an unknown function, an opcode that torch.save never writes.
	ErrRefused = errors.New("refused")
	// ErrLimit means that a file asks for more than any checkpoint needs.
	ErrLimit = errors.New("too large to be a checkpoint")
)

// Advice says what to do about a file that is refused.
const Advice = `in Python, save the weights alone with torch.save(model.state_dict(), "weights.pt"), ` +
	`or convert them to safetensors with safetensors.torch.save_file`

// Limits on what a pickle may ask for. A checkpoint of a thousand tensors with
// its optimiser has some fifty thousand values.
const (
	// MaxValues bounds the values that a pickle makes, and the memory with them.
	MaxValues = 4_000_000
	// maxMarks bounds how deep collections nest while they are being read.
	maxMarks = 1_000
	// maxName bounds the names of modules, classes and opcodes' lines.
	maxName = 1_000
	// maxInteger bounds the bytes of one integer.
	maxInteger = 1_000
	// maxAxes bounds the rank of a tensor.
	maxAxes = 16
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// refuse makes an ErrRefused that ends with the advice.
func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s; %s", ErrRefused, fmt.Sprintf(format, args...), Advice)
}
