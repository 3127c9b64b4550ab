package adapter

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/safetensors"
)

// The metadata entries that every checkpoint of ours has.
const (
	metaFormat  = "format" // "pt", which Python's readers expect
	metaModel   = "model"
	metaOptions = "options"
)

// SaveCheckpoint writes the parameters as a safetensors file, atomically, with
// the model's name and options among the metadata.
func SaveCheckpoint(path string, config Config, params []nn.Param, s *nn.State, meta map[string]string) error {
	if err := nn.Compare(params, s).Err(); err != nil {
		return fmt.Errorf("checkpoint %q: %w", path, err)
	}
	all, err := metadata(config, meta)
	if err != nil {
		return fmt.Errorf("checkpoint %q: %w", path, err)
	}
	return safetensors.Write(path, s, all)
}

// metadata adds what every checkpoint of ours says about its model.
func metadata(config Config, meta map[string]string) (map[string]string, error) {
	options, err := json.Marshal(config.Options)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(meta)
	if all == nil {
		all = make(map[string]string)
	}
	all[metaFormat], all[metaModel], all[metaOptions] = "pt", config.Name, string(options)
	return all, nil
}

// CheckSize refuses an image whose channels or spatial sizes the model cannot
// take, and says what would fit.
func CheckSize(config Config, image nn.Shape) error {
	if len(image) != 5 {
		return fmt.Errorf("%w: shape %v must be (N, C, X, Y, Z)", ErrSize, image)
	}
	if image[1] != config.InChannels {
		return fmt.Errorf("%w: %s takes %d channels, the image has %d", ErrSize, config.Name, config.InChannels, image[1])
	}
	for i, d := range config.Divisor {
		if n := image[2+i]; n < 1 || n%d != 0 {
			below, above := n/d*d, (n/d+1)*d
			fits := fmt.Sprintf("%d", above)
			if below > 0 {
				fits = fmt.Sprintf("%d or %d", below, above)
			}
			return fmt.Errorf("%w: %s needs sizes that are multiples of %d; axis %c has %d, %s would fit",
				ErrSize, config.Name, d, 'x'+rune(i), n, fits)
		}
	}
	return nil
}
