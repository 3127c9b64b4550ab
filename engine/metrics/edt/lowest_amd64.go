package edt

import "golang.org/x/sys/cpu"

// lowest32 looks around each of 32 samples, up to most strides (in bytes) to
// both sides, for the lowest sum of a sample and the square of its distance. It
// writes the sums to out, unless one that is farther away could be lower still:
// then it tells false. Most is a multiple of four; samples and squares reach
// four strides farther.
//
//go:noescape
func lowest32(out, f, squares *float32, stride, most uintptr) bool

// vectors tells whether lowest32 can run here.
func vectors() bool { return cpu.X86.HasAVX2 }
