// Package configs holds the configuration files that come with the program,
// embedded so that they can be named from anywhere. It contains no logic.
package configs

import (
	"embed"
	"io/fs"
)

//go:embed experiment/*.yaml models.yaml
var files embed.FS

// FS gives the shipped files: experiment/baseline.yaml, and nnunet.yaml,
// quick.yaml and swinunetr.yaml beside it; and models.yaml, a sample of which
// language models there are.
func FS() fs.FS { return files }
