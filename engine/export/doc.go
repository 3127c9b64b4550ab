// Package export turns a trained run's weights into a file that others can use:
// an ONNX model, or the bare weights as safetensors or npz. What was written is
// read back and checked before anybody is told that it is there: an ONNX model
// is run by ONNX Runtime and, on volumes of the run, judged by its Dice.
//
// How a network is spelled in ONNX is the business of engine/nn/onnx, how
// weights are encoded that of engine/nn/weights. Nothing here needs libtorch.
package export
