// Package govern is the family of tools that account for what was done: the
// report that others read. What a report says is worked out in engine/report;
// here is which runs it is about, where it goes, and what it must not overwrite.
package govern

import (
	"errors"

	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
)

const family = "govern"

// Deps is what the tools of this family work on.
type Deps struct {
	Workspace *workspace.Workspace
	// Version of the program, which reports carry.
	Version string
}

// Register adds the family's tools in catalogue order.
func Register(r *tools.Registry, deps Deps) error {
	if deps.Workspace == nil {
		return errors.New("the govern tools need a workspace")
	}
	return tools.Register(r, reportWrite{deps})
}
