package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/mcp"
)

const (
	// envMCP may hold the bearer token of the MCP server.
	envMCP = "MINIVESS_MCP_TOKEN"
	// mcpTokenFile keeps it otherwise, in the workspace.
	mcpTokenFile = "mcp-token"
)

// mcpOptions are the flags of `minivess mcp`.
type mcpOptions struct {
	http   string
	expose bool
}

func newMCP(env *environment) *cobra.Command {
	var o mcpOptions
	c := &cobra.Command{
		Use:   "mcp",
		Short: "Serve the tools to other assistants over the Model Context Protocol",
		Long: "mcp speaks the Model Context Protocol: on stdin and stdout for the program that started it, or over HTTP\n" +
			"with --http. What changes anything is shown to the person at the client, who has to approve it there.\n" +
			"Over HTTP clients send a bearer token: " + envMCP + ", else the one in .minivess/" + mcpTokenFile + ".",
		Example: "  minivess mcp --workspace ~/vessels\n" +
			"  minivess mcp --http 127.0.0.1:8765",
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return env.serveMCP(cmd.Context(), o) },
	}
	c.Flags().StringVar(&o.http, "http", "", "listen on this address (HOST:PORT, or :PORT for this machine alone) instead of stdin")
	c.AddCommand(newMCPServers(env), newMCPRefresh(env))
	c.Flags().BoolVar(&o.expose, "expose", false, "allow an address that other machines can reach")
	return c
}

func (env *environment) serveMCP(ctx context.Context, o mcpOptions) error {
	if env.JSON {
		return usagef("mcp speaks its own protocol on stdout and takes no --json")
	}
	s, err := env.open(ctx, makeOne, assistant.AskBeforeChange)
	if err != nil {
		return err
	}
	defer s.close()
	server, err := mcp.New(ctx, mcp.Options{
		Registry: s.registry.For(func(context.Context, tools.Call) tools.Origin { return tools.Origin{Source: tools.SourceMCP} }),
		Approver: policyApprover{}, Workspace: s.workspace, Audit: tools.NewAuditLog(s.workspace.Audit(), time.Now),
		User: env.user(), Version: env.Build.Version, NewID: uuid.NewString, Now: time.Now, Logger: s.logger,
	})
	if err != nil {
		return err
	}
	if o.http == "" {
		return server.ServeStream(ctx, io.NopCloser(env.Streams.In), env.Streams.Out)
	}
	return env.serveMCPOverHTTP(ctx, s, server, o)
}

func (env *environment) serveMCPOverHTTP(ctx context.Context, s *session, server *mcp.Server, o mcpOptions) error {
	token, where, err := env.mcpToken(s)
	if err != nil {
		return err
	}
	l, err := mcp.Listen(ctx, o.http, o.expose)
	if err != nil {
		return &usageError{err}
	}
	_, _ = fmt.Fprintf(env.Streams.Err, "MCP for %s at http://%s%s; the token is in %s\n", printable(s.workspace.Project()), l.Addr(), mcp.Path, printable(where))
	return server.ServeListener(ctx, l, token)
}

// mcpToken is the token that clients have to send, and where it is kept.
func (env *environment) mcpToken(s *session) (mcp.Token, string, error) {
	if secret := env.Streams.Getenv(envMCP); secret != "" {
		token, err := mcp.NewToken(secret)
		if err != nil {
			return token, "", usagef("%s: %w", envMCP, err)
		}
		return token, envMCP, nil
	}
	path := filepath.Join(s.workspace.Root(), mcpTokenFile)
	token, err := mcp.TokenFile(path)
	return token, path, err
}
