package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/router"
	"github.com/minivess/minivess/agent/llm/spend"
	"github.com/minivess/minivess/agent/planner"
)

// language is who understands and answers: the models that the workspace or
// the environment names, with the built-in planner behind them, or the planner
// alone.
func (s *session) language(env *environment, found router.Found) (string, llms.Model, assistant.NumberPolicy, error) {
	trace := llm.TraceOptions{Tracer: s.tracer, Content: env.content()}
	if !found.Hosted {
		trace.Provider, trace.Model = "minivess", planner.Name
		return planner.Name, llm.Traced(s.planner, trace), assistant.NumbersRefuse, nil
	}
	r, err := found.Open(router.Setup{
		Root: s.workspace.Root(), Getenv: env.Streams.Getenv, Catalogue: s.registry.List(),
		LastResort: s.planner, LastResortName: planner.Name, Trace: trace, Logger: s.logger,
	})
	if err != nil {
		return "", nil, "", err
	}
	s.closers = append(s.closers, r.Close)
	return r.Name(), r, assistant.NumbersRefuse, nil
}

// unreadTokens is how many parts of an answer wait for a slow terminal.
const unreadTokens = 256

// watched is how many parts of an answer may wait to be shown while it is
// written: none if nobody watches, or if answers are there at once.
func (env *environment) watched(offline bool) int {
	if offline || env.JSON || !env.Streams.Terminal {
		return 0
	}
	return unreadTokens
}

// checkModel says who would plan, without calling anybody.
func (env *environment) checkModel() finding {
	f := finding{Name: "language model", Mend: "set what is missing, or take the model away to use the built-in planner"}
	root := ""
	if ws, err := env.existing(); err == nil {
		root = ws.Root()
	}
	found, err := router.Find(root, env.Streams.Getenv)
	if err != nil {
		f.Found = err.Error()
		return f
	}
	if !found.Hosted {
		return finding{Name: f.Name, OK: true, Found: planner.Name}
	}
	r, err := found.Open(router.Setup{Root: root, Getenv: env.Streams.Getenv})
	if err != nil {
		f.Found = err.Error()
		return f
	}
	if problems := r.Problems(); len(problems) > 0 {
		f.Found = strings.ReplaceAll(errors.Join(problems...).Error(), "\n", "; ")
		return f
	}
	f.OK, f.Found = true, r.Name()
	if root == "" {
		return f
	}
	today, _, err := r.Spent("")
	if err != nil {
		f.OK, f.Found, f.Mend = false, err.Error(), "restore the account from a backup, or move it away to begin a new one"
		return f
	}
	f.Found += spentText(today, found.Config.Budget.DayUSD)
	return f
}

// spentText says what models cost today, if anything did.
func spentText(t spend.Totals, budget float64) string {
	if t.Calls == 0 {
		return ""
	}
	text := fmt.Sprintf("; today %d calls, %d tokens, $%.4f", t.Calls, t.Tokens, t.USD)
	if t.Unpriced > 0 {
		text += fmt.Sprintf(" (and %d calls of unknown price)", t.Unpriced)
	}
	if budget > 0 {
		text += fmt.Sprintf(" of $%.2f", budget)
	}
	return text
}
