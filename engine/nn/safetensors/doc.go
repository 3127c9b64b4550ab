// Package safetensors reads and writes the safetensors file format: eight bytes
// of header length, a JSON header, raw tensors. Files are interchangeable with
// the Python package of that name. Nothing in a file is trusted: sizes and
// offsets are checked before anything is allocated.
//
// What the tensors mean does not belong here.
package safetensors
