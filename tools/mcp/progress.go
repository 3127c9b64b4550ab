package mcp

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/minivess/minivess/tools"
)

// progressEvery is the least time between two reports to a client.
const progressEvery = 100 * time.Millisecond

// progressTo returns where a call's progress goes: to the client, if it asked
// for it. MCP wants a number that only rises, while tools count each phase from
// nothing, so phases that ended are added up.
func (s *Server) progressTo(ctx context.Context, req *sdk.CallToolRequest) func(tools.Progress) {
	token := req.Params.GetProgressToken()
	if token == nil {
		return func(tools.Progress) {}
	}
	var c counter
	var last time.Time
	var mu sync.Mutex
	return func(p tools.Progress) {
		mu.Lock()
		defer mu.Unlock()
		done, total, rose := c.add(p)
		now := s.Now()
		if !rose || !last.IsZero() && now.Sub(last) < progressEvery && p.Done != p.Total {
			return
		}
		last = now
		err := req.Session.NotifyProgress(ctx, &sdk.ProgressNotificationParams{
			ProgressToken: token, Progress: done, Total: total, Message: progressMessage(p),
		})
		if err != nil && ctx.Err() == nil {
			s.Logger.DebugContext(ctx, "reporting progress", "tool", req.Params.Name, "error", err)
		}
	}
}

// counter adds up phases.
type counter struct {
	phase string
	base  int64 // of the phases that ended
	done  int64 // of this one
	sent  float64
}

// add takes one report and returns the overall count, the total if it is
// known, and whether the count rose.
func (c *counter) add(p tools.Progress) (done, total float64, rose bool) {
	if p.Phase != c.phase || p.Done < c.done {
		c.base += c.done
		c.phase, c.done = p.Phase, 0
	}
	c.done = max(c.done, p.Done)
	done = float64(c.base + c.done)
	if p.Total > 0 {
		total = float64(c.base + p.Total)
	}
	rose = done > c.sent
	c.sent = max(c.sent, done)
	return done, total, rose
}

func progressMessage(p tools.Progress) string {
	text := tools.PlainLines(strings.TrimSpace(cmp.Or(p.Phase, p.State) + " " + p.Message))
	if p.ETA > 0 {
		text += ", about " + tools.Duration(p.ETA) + " left"
	}
	return text
}
