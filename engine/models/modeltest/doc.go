// Package modeltest is the conformance suite of models: what every adapter must
// do, checked the same way for all. Only tests import it; it links libtorch, so
// nothing else may.
package modeltest
