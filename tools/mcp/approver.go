package mcp

import (
	"context"

	"github.com/minivess/minivess/tools"
)

// Ask is one call that needs a word before it may run.
type Ask struct {
	Tool    tools.Descriptor
	Call    tools.Call
	Preview tools.Preview
	// Client is what the program that calls says it is.
	Client string
}

// Approver answers before a person is asked, as a permission policy does. With
// decided set, the approval is used as it is; without, the person at the client
// is asked. An error refuses the call. Approvals that were given to more than
// one call have to say so (Blanket), and never cover what destroys.
type Approver interface {
	Approve(ctx context.Context, a Ask) (approval tools.Approval, decided bool, err error)
}
