// Package nn describes neural networks once, for every use. A model's forward
// pass is ordinary Go code against Graph; Trace records it as a Program, a
// straight line of typed operations whose shapes have all been checked, and
// the sub-packages interpret that Program: nn/torch runs and differentiates it
// with libtorch, nn/onnx writes it as an ONNX model, nn/cost adds up what it
// takes. Parameters, their initial values, and the State in which trained
// weights travel are declared here too.
//
// The package is pure Go and links no native library. Files do not belong
// here (see nn/safetensors), nor do particular networks (see engine/models).
package nn
