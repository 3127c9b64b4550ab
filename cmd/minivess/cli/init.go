package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/engine/workspace"
)

func newInit(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "init [FOLDER]",
		Short: "Make a workspace: the .minivess folder that keeps runs and data",
		Long: "init makes FOLDER (default: this one) a workspace. Runs, datasets, conversations and traces are kept in its .minivess\n" +
			"folder, which git ignores; commands in folders below find it. A workspace that is there already stays as it is.",
		Example: "  minivess init\n  minivess init ~/vessels",
		Args:    takes(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := env.workDir()
			if len(args) == 1 {
				dir = env.path(args[0])
			}
			return env.init(dir)
		},
	}
}

// init makes dir a workspace and says where it is.
func (env *environment) init(dir string) error {
	verb := "made"
	if st, err := os.Stat(filepath.Join(dir, workspace.FolderName)); err == nil && st.IsDir() {
		verb = "there already:"
	}
	ws, err := workspace.Create(dir)
	if err != nil {
		return err
	}
	if env.JSON {
		return env.printJSON(map[string]any{"workspace": ws.Root(), "made": verb == "made"})
	}
	_, err = fmt.Fprintf(env.Streams.Out, "%s %s\n", verb, printable(ws.Root()))
	return err
}
