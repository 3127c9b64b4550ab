package data

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/tools"
)

//go:embed dataset_import.md
var importDoc string

// importRate is how fast files are inflated, checked and hashed, in bytes of
// compressed files a second; measured on one core.
const importRate = 60e6

// ImportIn names a folder and how it is laid out.
type ImportIn struct {
	Path           string `json:"path" jsonschema:"folder that holds the dataset" path:"read"`
	Name           string `json:"name" jsonschema:"name that the dataset gets in the catalogue: letters, digits, - _ and ."`
	Layout         string `json:"layout,omitempty" jsonschema:"how the folder is laid out; recognised when left out" enum:"minivess,pairs,decathlon"`
	SkipMismatched bool   `json:"skip_mismatched,omitempty" jsonschema:"leave out volumes whose label does not match, instead of refusing the dataset" default:"false"`
}

// ImportOut is the dataset that was added.
type ImportOut struct {
	tools.Line
	Entry
	Root    string       `json:"root" jsonschema:"folder that the files lie in"`
	Skipped []SkippedOne `json:"skipped,omitempty" jsonschema:"volumes that were left out"`
}

type importFolder struct{ Deps }

func (importFolder) Spec() tools.Spec {
	return tools.Spec{Name: "dataset_import", Family: family, Effect: tools.Write, Doc: importDoc}
}

func (t importFolder) Preview(_ context.Context, in ImportIn) (tools.Preview, error) {
	if err := dataset.CheckName(in.Name); err != nil {
		return tools.Preview{}, asError(err)
	}
	root, err := filepath.Abs(in.Path)
	if err != nil {
		return tools.Preview{}, asError(err)
	}
	files, bytes, err := niftiFiles(root)
	if errors.Is(err, fs.ErrNotExist) {
		return tools.Preview{}, tools.Errorf(tools.CodeNotFound, "there is no folder %q", root).
			WithHint("give the folder that holds the images and labels")
	}
	if err != nil {
		return tools.Preview{}, asError(err)
	}
	if files == 0 {
		return tools.Preview{}, tools.Errorf(tools.CodeBadArguments, "there is no NIfTI file in %q", root).
			WithHint("give the folder that holds the images and labels")
	}
	p := tools.Preview{
		Summary: fmt.Sprintf("import %s as %s", tools.Plain(in.Path), in.Name),
		Writes:  []string{t.Workspace.DatasetCatalogue()},
		Cost:    tools.Cost{Seconds: float64(bytes) / importRate, Basis: fmt.Sprintf("%d NIfTI files, %s", files, tools.Bytes(bytes))},
		Notes:   []string{"the files stay where they are"},
	}
	if old, err := t.catalogue().Get(in.Name); err == nil {
		p.Notes = append(p.Notes, fmt.Sprintf("the name %s is taken by %s; with other contents the import will be refused", in.Name, tools.Plain(old.Root)))
	}
	return p, nil
}

// niftiFiles counts the volumes below a folder and their bytes.
func niftiFiles(root string) (files int, bytes int64, err error) {
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !e.Type().IsRegular() || !isNIfTI(strings.ToLower(e.Name())) {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		files++
		bytes += info.Size()
		return nil
	})
	return files, bytes, err
}

func isNIfTI(name string) bool {
	return strings.HasSuffix(name, ".nii") || strings.HasSuffix(name, ".nii.gz") || strings.HasSuffix(name, ".hdr")
}

func (t importFolder) Run(ctx context.Context, in ImportIn, emit func(tools.Progress)) (ImportOut, error) {
	d, err := t.catalogue().Import(ctx, dataset.ImportRequest{
		Path: in.Path, Name: in.Name, Layout: dataset.Layout(in.Layout), SkipMismatched: in.SkipMismatched,
		Progress: func(done, total int, id string) {
			emit(tools.Progress{Phase: "import", Done: int64(done), Total: int64(total), Message: tools.Plain(id)})
		},
	})
	if mismatch, ok := errors.AsType[*dataset.MismatchError](err); ok {
		return ImportOut{}, tools.Errorf(tools.CodeFailed, "%w", err).
			WithHint("skip_mismatched=true imports the others (%d of %d would be left out)", mismatch.Mismatched, mismatch.Total)
	}
	if err != nil {
		return ImportOut{}, asError(err)
	}
	out := ImportOut{Entry: entryOf(d), Root: d.Root}
	for _, s := range d.Skipped {
		out.Skipped = append(out.Skipped, SkippedOne{ID: s.ID, Reason: s.Reason})
	}
	out.Summary = fmt.Sprintf("imported %s: %s", d.Name, out.sentence())
	if n := len(out.Skipped); n > 0 {
		out.Summary += fmt.Sprintf(", %s left out", tools.Count(n, "volume"))
	}
	return out, nil
}
