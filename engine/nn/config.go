package nn

// Config describes one configured network. Interpreters need it to know what
// an image looks like; people, to make the same network again.
type Config struct {
	// Name is the model's name in engine/models.
	Name string `json:"name"`
	// Options are all options, resolved: making a model of that name with them
	// gives the same network.
	Options map[string]any `json:"options"`
	// InChannels and OutChannels are the image's channels and the classes,
	// background included.
	InChannels  int `json:"in_channels"`
	OutChannels int `json:"out_channels"`
	// Divisor: each spatial size of an input must be a multiple of it.
	Divisor [3]int `json:"divisor"`
}
