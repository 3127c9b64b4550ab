package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/volume"
	"github.com/minivess/minivess/tools"
)

// What the names of written files end in.
const (
	labelsSuffix      = "-labels"
	probabilitySuffix = "-probability"
	niftiSuffix       = ".nii.gz"
)

// images finds the images and says where their labels go.
func (p *prediction) images(in PredictIn, data []runs.VolumeRef) error {
	paths, several, err := found(in.Input, data)
	if err != nil {
		return err
	}
	name, _ := volume.Stem(filepath.Clean(in.Input))
	target := in.Output
	if target == "" {
		if target = tools.Plain(name) + labelsSuffix; !several {
			target += niftiSuffix
		}
	}
	if target, err = filepath.Abs(target); err != nil {
		return asError(err)
	}
	st, err := os.Stat(target)
	folder := several || err == nil && st.IsDir()
	switch {
	case folder && err == nil && !st.IsDir():
		return tools.Errorf(tools.CodeBadArguments, "%q is a file; several images need a folder", target).WithHint("name a folder as output")
	case folder:
		p.folder = target
	}
	for _, path := range paths {
		h, err := volume.ReadHeader(path)
		if err != nil {
			return tools.AsError(asError(err)).WithHint("the input must be a NIfTI image")
		}
		p.shapes = append(p.shapes, h.Shape())
		id, _ := volume.Stem(path)
		one := runs.PredictInput{ID: tools.Plain(id), Image: path, Output: target, Overwrite: in.Overwrite}
		if folder {
			one.Output = filepath.Join(target, id+labelsSuffix+niftiSuffix)
		}
		if err := writable(one.Output, folder, in.Overwrite); err != nil {
			return err
		}
		if in.Probabilities {
			stem, _ := volume.Stem(one.Output)
			one.Probabilities = filepath.Join(filepath.Dir(one.Output), strings.TrimSuffix(stem, labelsSuffix)+probabilitySuffix+niftiSuffix)
			if err := writable(one.Probabilities, folder, in.Overwrite); err != nil {
				return err
			}
		}
		p.spec.Predict.Inputs = append(p.spec.Predict.Inputs, one)
	}
	return nil
}

// found lists the images that an input means: a file, a folder's, or a volume of
// the dataset.
func found(input string, data []runs.VolumeRef) (paths []string, several bool, err error) {
	path, err := filepath.Abs(input)
	if err != nil {
		return nil, false, asError(err)
	}
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		var ids []string
		for _, v := range data {
			if ids = append(ids, tools.Plain(v.ID)); v.ID == input {
				return []string{v.Image}, false, nil
			}
		}
		e := tools.Errorf(tools.CodeNotFound, "there is no image %q", path).WithCandidates(ids...)
		if len(ids) > 0 {
			return nil, false, e.WithHint("give a NIfTI file, a folder of them, or a volume of the dataset; %s", tools.DidYouMean(input, ids, "volumes"))
		}
		return nil, false, e.WithHint("give a NIfTI file or a folder of them")
	}
	if err != nil {
		return nil, false, asError(err)
	}
	if !st.IsDir() {
		if _, ok := volume.Stem(path); !ok {
			return nil, false, tools.Errorf(tools.CodeBadArguments, "%q is no NIfTI image by its name", path).WithHint("its name should end in .nii or .nii.gz")
		}
		return []string{path}, false, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, false, asError(err)
	}
	for _, e := range entries {
		lower := strings.ToLower(e.Name())
		if _, ok := volume.Stem(lower); ok && e.Type().IsRegular() && !strings.Contains(filepath.Ext(strings.TrimSuffix(lower, ".gz")), ".img") {
			paths = append(paths, filepath.Join(path, e.Name()))
		}
	}
	if len(paths) == 0 {
		return nil, false, tools.Errorf(tools.CodeNotFound, "there is no NIfTI image in %q", path).WithHint("give a NIfTI file or a folder of them")
	}
	return paths, true, nil
}

// writable refuses an output that is there already, or whose folder is not.
func writable(path string, made, overwrite bool) error {
	if _, ok := volume.Stem(path); !ok {
		return tools.Errorf(tools.CodeBadArguments, "the output %q is no NIfTI file by its name", path).WithHint("let it end in .nii.gz, or name a folder that is there")
	}
	if st, err := os.Stat(filepath.Dir(path)); !made && (err != nil || !st.IsDir()) {
		return tools.Errorf(tools.CodeNotFound, "there is no folder %q", filepath.Dir(path)).WithHint("make it first, or choose another output")
	}
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return asError(fmt.Errorf("the output: %w", err))
	case st.IsDir():
		return tools.Errorf(tools.CodeConflict, "%q is a folder", path).WithHint("choose another output")
	case !overwrite:
		return tools.Errorf(tools.CodeConflict, "%q is there already", path).WithHint("choose another output, or say overwrite")
	}
	return nil
}
