package mcp

import (
	"io"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// Lines is the transport of ServeStream, for tests of it alone.
func Lines(in io.ReadCloser, out io.Writer) sdk.Transport {
	return &lines{in: in, out: out, grace: grace}
}
