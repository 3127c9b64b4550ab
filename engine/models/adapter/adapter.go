// Package adapter says what a segmentation model is to the rest of the engine,
// and holds what all models share: strict options and checkpoints. The models
// themselves live in the folders beside it; engine/models lists them.
package adapter

import (
	"errors"

	"github.com/minivess/minivess/engine/nn"
)

// What can be wrong with a model's description.
var (
	// ErrOption means an unknown option or a value that makes no sense.
	ErrOption = errors.New("model option")
	// ErrSize means that a network cannot take images of that size.
	ErrSize = errors.New("image size does not suit the model")
	// ErrCheckpoint means that a file holds another network's weights.
	ErrCheckpoint = errors.New("checkpoint does not fit the model")
)

// Config describes one configured model.
type Config = nn.Config
