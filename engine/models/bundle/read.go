package bundle

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/nn"
)

// Read reads a bundle's folder: configs/metadata.json, the configuration of
// inference or training, and which file holds the weights. Errors wrap
// ErrFormat, ErrUnsupported, or fs.ErrNotExist where a file is not there.
func Read(folder string) (Bundle, error) {
	b, err := read(folder)
	if err != nil {
		return Bundle{}, fmt.Errorf("bundle %q: %w", folder, err)
	}
	return b, nil
}

func read(folder string) (Bundle, error) {
	info, err := os.Stat(folder)
	if err != nil {
		return Bundle{}, err
	}
	if !info.IsDir() {
		return Bundle{}, fmt.Errorf("%w: it is a file; unpack the bundle and give its folder", ErrFormat)
	}
	meta, err := readMetadata(folder)
	if err != nil {
		return Bundle{}, err
	}
	c, err := firstConfig(folder)
	if err != nil {
		return Bundle{}, err
	}
	net, err := c.network()
	if err != nil {
		return Bundle{}, fmt.Errorf("%s: %w", c.name, err)
	}
	m, err := translate(net, meta)
	if err != nil {
		return Bundle{}, fmt.Errorf("%s: %w", c.name, err)
	}
	b := Bundle{
		Name: meta.Name, Version: meta.Version, Description: meta.Description,
		Model: m.name, Target: m.target, Options: m.options, Notes: m.notes,
		ImageChannels: cmp.Or(count(m.options["in_channels"]), meta.image().Channels),
		Classes:       cmp.Or(count(m.options["out_channels"]), meta.prediction().Channels),
		ChannelNames:  meta.image().names(), ClassNames: meta.prediction().names(),
		PatchSize: meta.image().size(), Spacing: c.spacing(),
	}
	b.WeightsPath, err = findWeights(folder)
	return b, err
}

// count is a whole number of a configuration, 0 for anything else.
func count(v any) int {
	n, ok := v.(float64)
	if !ok || n != float64(int(n)) {
		return 0
	}
	return int(n)
}

// findWeights chooses the file of weights: a state_dict before a TorchScript
// program of the same network.
func findWeights(folder string) (string, error) {
	dir := filepath.Join(folder, "models")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("its weights are not there: %w%s", err, largeFiles(folder))
	}
	var found []string
	for _, e := range entries {
		if !e.IsDir() && slices.Contains(weightSuffixes(), filepath.Ext(e.Name())) {
			found = append(found, e.Name())
		}
	}
	rank := func(name string) int {
		r := slices.Index(weightSuffixes(), filepath.Ext(name))
		if strings.TrimSuffix(name, filepath.Ext(name)) != "model" {
			r += len(weightSuffixes())
		}
		return r
	}
	slices.SortStableFunc(found, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	if len(found) == 0 {
		return "", fmt.Errorf("its weights are not there: no %s in %q%s: %w",
			strings.Join(weightSuffixes(), ", "), dir, largeFiles(folder), fs.ErrNotExist)
	}
	return filepath.Join(dir, found[0]), nil
}

// weightSuffixes are the endings of files of weights, the preferred first.
func weightSuffixes() []string { return []string{".pt", ".pth", ".safetensors", ".npz", ".ts"} }

// largeFiles explains what to do about a bundle whose large files were left out.
func largeFiles(folder string) string {
	if _, err := os.Stat(filepath.Join(folder, "large_files.yml")); err != nil {
		return ""
	}
	return "; large_files.yml says where to download them from"
}

// metadata is what configs/metadata.json says.
type metadata struct {
	Name        string `json:"name"`
	Version     string `json:"version"`
	Description string `json:"description"`
	MONAI       string `json:"monai_version"`
	Format      struct {
		Inputs  map[string]channels `json:"inputs"`
		Outputs map[string]channels `json:"outputs"`
	} `json:"network_data_format"`
}

// channels describes one input or output of the network.
type channels struct {
	Channels int               `json:"num_channels"`
	Shape    []any             `json:"spatial_shape"`
	Names    map[string]string `json:"channel_def"`
}

func (m metadata) image() channels      { return only(m.Format.Inputs, "image") }
func (m metadata) prediction() channels { return only(m.Format.Outputs, "pred") }

// only returns the entry of that name, or the single one there is.
func only(all map[string]channels, name string) channels {
	if c, ok := all[name]; ok || len(all) != 1 {
		return c
	}
	for _, c := range all {
		return c
	}
	return channels{}
}

// names lists the channels' names in order, nil unless all have one.
func (c channels) names() []string {
	var out []string
	for i := range len(c.Names) {
		name, ok := c.Names[fmt.Sprint(i)]
		if !ok {
			return nil
		}
		out = append(out, name)
	}
	return out
}

// size is the spatial shape, nil when it is free ("*") or a formula ("16*n").
func (c channels) size() nn.Shape {
	var out nn.Shape
	for _, v := range c.Shape {
		n := count(v)
		if n < 1 {
			return nil
		}
		out = append(out, n)
	}
	if len(out) != 3 {
		return nil
	}
	return out
}

func readMetadata(folder string) (metadata, error) {
	var m metadata
	path := filepath.Join(folder, "configs", "metadata.json")
	text, err := readText(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%w: there is no configs/metadata.json: %w", ErrFormat, err)
	}
	if err != nil {
		return m, err
	}
	if err := decodeInto(path, text, &m); err != nil {
		return m, err
	}
	return m, nil
}
