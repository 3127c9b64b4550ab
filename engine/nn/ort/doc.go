// Package ort runs ONNX models with ONNX Runtime, on the CPU, in this process.
// The library is loaded when a Runtime is opened, from the path given, so a
// program that never opens one starts and runs without it. Models of ours and
// of others are taken alike: what counts is one float32 image in and logits of
// the same size out.
//
// Writing ONNX files, and reading what they declare, is the business of
// engine/nn/onnx.
package ort
