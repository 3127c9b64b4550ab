// Command crosscheck rewrites every NIfTI file of a folder into another, raw
// (which must keep every byte) and as a float32 volume, for crosscheck.py.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/minivess/minivess/engine/volume"
)

func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		stem, ok := volume.Stem(e.Name())
		if !ok || filepath.Ext(e.Name()) == ".img" {
			continue
		}
		path := filepath.Join(from, e.Name())
		raw, err := volume.ReadRaw(ctx, path, volume.Limits{})
		if err != nil {
			return err
		}
		if err := volume.WriteRaw(ctx, filepath.Join(to, "raw", e.Name()), raw); err != nil {
			return err
		}
		v, err := volume.Read(ctx, path, volume.Limits{NonFinite: volume.NonFiniteKeep})
		if err != nil {
			return err
		}
		if err := volume.Write(ctx, filepath.Join(to, "volume", stem+".nii.gz"), v, volume.WriteOptions{}); err != nil {
			return err
		}
	}
	return nil
}
