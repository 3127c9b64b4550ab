package cli

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// versionInfo is what `minivess version --json` prints.
type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Date    string `json:"date"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func newVersion(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say what this binary was built from",
		Args:  takes(0, 0),
		RunE: func(*cobra.Command, []string) error {
			v := versionInfo{env.Build.Version, env.Build.Commit, env.Build.Date, runtime.Version(), runtime.GOOS, runtime.GOARCH}
			if env.JSON {
				return env.printJSON(v)
			}
			_, err := fmt.Fprintf(env.Streams.Out, "minivess %s · %s · %s · %s %s/%s\n", v.Version, v.Commit, v.Date, v.Go, v.OS, v.Arch)
			return err
		},
	}
}

// printJSON writes one indented JSON value to stdout.
func (env *environment) printJSON(v any) error {
	env.printed = true
	encoder := json.NewEncoder(env.Streams.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}
