package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/mcp/remote"
)

func newMCPServers(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "servers",
		Short: "List the other MCP servers that this workspace is configured to use",
		Long: "servers lists what .minivess/" + remote.ConfigFile + " names, with the tools that were looked at. It starts none of them.\n" +
			"docs/how-to/mcp.md shows what the file may hold.",
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return env.listServers(cmd.Context()) },
	}
}

func newMCPRefresh(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "refresh NAME",
		Short: "Start another MCP server, look at its tools and add them",
		Long: "refresh starts the server that .minivess/" + remote.ConfigFile + " calls NAME, lists its tools and keeps the list.\n" +
			"From then on they are tools like others. A tool that changes later is refused until it was looked at again.",
		Args: takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return env.refreshServer(cmd.Context(), args[0]) },
	}
}

// servers prepares the other MCP servers of a workspace; none is started.
func (env *environment) servers(ctx context.Context, ws *workspace.Workspace, logger *slog.Logger) (*remote.Servers, error) {
	config, err := remote.Load(filepath.Join(ws.Root(), remote.ConfigFile))
	if err != nil || len(config.Servers) == 0 {
		return nil, err
	}
	keep, err := env.keptServers(ws)
	if err != nil {
		return nil, err
	}
	return remote.Open(ctx, config, remote.Options{
		Keep: keep, Dir: ws.Project(), Getenv: env.Streams.Getenv, Version: env.Build.Version, Now: time.Now, Logger: logger,
	})
}

// keptServers is where it is kept what this person looked at for a workspace:
// with the person's things, not in the workspace.
func (env *environment) keptServers(ws *workspace.Workspace) (string, error) {
	state, home := env.Streams.Getenv("XDG_STATE_HOME"), env.Streams.Getenv("HOME")
	if state == "" && home == "" {
		return "", errors.New("there is nowhere to keep the tools of MCP servers\n  set HOME or XDG_STATE_HOME")
	}
	sum := sha256.Sum256([]byte(ws.Root()))
	return filepath.Join(cmp.Or(state, filepath.Join(home, ".local", "state")), "minivess", "mcp", hex.EncodeToString(sum[:8])), nil
}

// addServers adds the tools of other MCP servers to the catalogue. A server
// whose tools cannot be used is said on stderr and costs nothing else.
func (s *session) addServers(ctx context.Context, env *environment) {
	servers, err := env.servers(ctx, s.workspace, s.logger)
	if err != nil {
		s.logger.WarnContext(ctx, "the tools of other MCP servers are left out", "error", err)
	}
	if servers == nil {
		return
	}
	s.closers = append(s.closers, servers.Close)
	for _, why := range servers.Register(s.registry) {
		s.logger.WarnContext(ctx, "tools are left out: "+printable(why))
	}
}

// otherServers finds the workspace and its servers for the commands about them.
func (env *environment) otherServers(ctx context.Context) (*workspace.Workspace, *remote.Servers, error) {
	ws, _, err := env.find(mustBe)
	if err != nil {
		return nil, nil, err
	}
	servers, err := env.servers(ctx, ws, slog.New(slog.DiscardHandler))
	return ws, servers, err
}

func (env *environment) listServers(ctx context.Context) error {
	ws, servers, err := env.otherServers(ctx)
	if err != nil {
		return err
	}
	all := []remote.Status{}
	if servers != nil {
		all = servers.Status()
	}
	if env.JSON {
		return env.printJSON(all)
	}
	if len(all) == 0 {
		_, err := fmt.Fprintf(env.Streams.Out, "no other MCP servers; %s would name them\n", printable(filepath.Join(ws.Root(), remote.ConfigFile)))
		return err
	}
	for _, one := range all {
		if err := env.printServer(one); err != nil {
			return err
		}
	}
	return nil
}

func (env *environment) refreshServer(ctx context.Context, name string) error {
	ws, servers, err := env.otherServers(ctx)
	if err != nil {
		return err
	}
	if servers == nil {
		return tools.Errorf(tools.CodeNotFound, "no other MCP servers are configured").
			WithHint("%s names them", filepath.Join(ws.Root(), remote.ConfigFile))
	}
	defer servers.Close() //nolint:errcheck // it has nothing to say
	status, left, err := servers.Look(ctx, name)
	if errors.Is(err, remote.ErrUnknown) {
		return tools.Errorf(tools.CodeNotFound, "%w", err)
	}
	if err != nil {
		return err
	}
	for _, why := range left {
		_, _ = fmt.Fprintf(env.Streams.Err, "left out %s\n", printable(why))
	}
	if env.JSON {
		return env.printJSON(status)
	}
	return env.printServer(status)
}

// printServer shows one server with its tools and what they may do.
func (env *environment) printServer(s remote.Status) error {
	w := env.Streams.Out
	_, _ = fmt.Fprintf(w, "%s · %s\n", s.Name, printable(s.Runs))
	if s.Problem != "" {
		_, err := fmt.Fprintf(w, "  %s\n", printable(s.Problem))
		return err
	}
	for _, t := range s.Tools {
		_, _ = fmt.Fprintf(w, "  %s · %s · %s\n", t.Name, t.Effect, printable(t.Summary))
	}
	return nil
}
