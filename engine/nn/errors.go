package nn

import "errors"

// What can be wrong with a network or its weights.
var (
	// ErrShape means that sizes do not fit each other.
	ErrShape = errors.New("shapes do not fit")
	// ErrParam means that a parameter is undeclared, declared twice or unused.
	ErrParam = errors.New("parameter")
	// ErrOp means that an operation's settings make no sense.
	ErrOp = errors.New("operation")
	// ErrState means that weights do not belong to the network.
	ErrState = errors.New("weights do not match the network")
	// ErrDType means that an element type is unknown or does not fit.
	ErrDType = errors.New("element type")
)
