//go:build !amd64

package edt

// lowest32 exists for amd64 only; without vectors it is never called.
func lowest32(_, _, _ *float32, _, _ uintptr) bool { return false }

// vectors tells whether lowest32 can run here.
func vectors() bool { return false }
