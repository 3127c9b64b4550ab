package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"charm.land/bubbles/v2/spinner"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/agent/llm/router"
	"github.com/minivess/minivess/tui"
)

var record = flag.Bool("record", false, "record the cassette of the scripted conversation anew, from the scripted server")

// A saying is one turn of the scripted conversation, with what must be on the
// screen afterwards. What begins with a colon is something to do, not to say.
type saying struct {
	text string
	want []string
}

// conversation is a morning's work: plan, edit in words, by field and by
// dropping a step, approve, follow up, ask for numbers, correct, cancel, fork.
func conversation() []saying {
	return []saying{
		{"make a synthetic dataset called toy with 4 volumes of 32x32x8", []string{"make toy: 4 volumes, 32×32×8"}},
		{"make it 5 volumes", []string{"make toy: 5 volumes, 32×32×8"}},
		{"1.volumes=6", []string{"make toy: 6 volumes, 32×32×8"}},
		{"yes", []string{"made toy: 6 volumes"}},
		{"train a segresnet on toy for 2 epochs, tell me when it is done, then evaluate the latest run on the test split", []string{"train segresnet-8", "of 2×48"}},
		{"use batch 1", []string{"train segresnet-8", "of 1×48"}},
		{"yes", []string{"I will tell you when", "has ended, and then: evaluate the latest run on the test split."}},
		{":follow", []string{"finished, 40 steps", "evaluate_run", "on toy test (1 volume)"}},
		{"approve 1", []string{"finished, best test/dice 0.8"}},
		{"how good is it?", []string{"runs_sql", "Dice", "0.8", "case_metrics"}},
		{"train a swinunetr on toy, then evaluate it on the test split", []string{"train swinunetr-", "evaluate the run of step 1"}},
		{"drop step 2", []string{"train swinunetr-", "dropped by the user"}},
		{"no, a segresnet for 3 epochs", []string{"train segresnet-8"}},
		{"never mind", []string{"Nothing was done"}},
		{":fork", []string{"goes on from turn 5"}},
		{"which datasets are there?", []string{"1 dataset: toy"}},
	}
}

// place is where the conversation happens.
type talk interface {
	// say says something and returns what is on the screen then.
	say(t *testing.T, s saying) string
}

// cassetteFile is a recording of an OpenAI-compatible server, which
// `go test ./cmd/minivess/cli -run TestConversation -record` makes anew.
const cassetteFile = "testdata/conversation.jsonl"

// TestConversation holds the conversation in the shell and in the terminal
// program, with the built-in planner and with a recorded language model.
func TestConversation(t *testing.T) {
	t.Parallel()
	tape, err := filepath.Abs(cassetteFile)
	if err != nil {
		t.Fatal(err)
	}
	if *record {
		server := httptest.NewServer(http.HandlerFunc(scriptedModel))
		t.Cleanup(server.Close)
		t.Cleanup(func() { slim(t, tape) }) // after the session has written it
		converse(t, newScreen(t, map[string]string{
			"USER": "tester", llm.EnvBaseURL: server.URL + "/v1", llm.EnvModel: "scripted-1", router.EnvRecord: tape,
		}))
		return
	}
	for model, vars := range map[string]map[string]string{
		"planner":  {"USER": "tester"},
		"cassette": {"USER": "tester", llm.EnvBaseURL: "http://model.invalid/v1", llm.EnvModel: "scripted-1", router.EnvReplay: tape},
	} {
		t.Run(model+" in the shell", func(t *testing.T) {
			t.Parallel()
			converse(t, &shell{dir: t.TempDir(), vars: vars})
		})
		t.Run(model+" on the screen", func(t *testing.T) {
			t.Parallel()
			converse(t, newScreen(t, vars))
		})
	}
}

// slim keeps of the recorded requests what a replay compares: the model, the
// user's last words and how many messages came after them.
func slim(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	type message struct {
		Role       string `json:"role"`
		Content    string `json:"content"`
		ToolCallID string `json:"tool_call_id,omitempty"`
		ToolCalls  []any  `json:"tool_calls,omitempty"`
	}
	type request struct {
		Method string `json:"method"`
		Path   string `json:"path"`
		JSON   struct {
			Model    string    `json:"model"`
			Messages []message `json:"messages"`
		} `json:"json"`
	}
	var out strings.Builder
	for recorded := range strings.Lines(string(raw)) {
		tape := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(recorded), &tape); err != nil {
			t.Fatal(err)
		}
		if tape["request"] != nil {
			var asked request
			if err := json.Unmarshal(tape["request"], &asked); err != nil {
				t.Fatal(err)
			}
			messages := asked.JSON.Messages
			last := len(messages) - 1
			for messages[last].Role != "user" {
				messages[last].Content = "…"
				last--
			}
			asked.JSON.Messages = messages[last:]
			if tape["request"], err = json.Marshal(asked); err != nil {
				t.Fatal(err)
			}
		}
		short, err := json.Marshal(tape)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(short, '\n'))
	}
	if err := os.WriteFile(path, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// converse goes through the conversation somewhere.
func converse(t *testing.T, place talk) {
	t.Helper()
	for i, s := range conversation() {
		screen := place.say(t, s)
		if !hasEvery(unwrapped(screen), s.want) {
			t.Fatalf("turn %d, %q: not everything of %q is on the screen:\n%s", i+1, s.text, s.want, screen)
		}
	}
}

// scriptedModel speaks the wire format of an OpenAI-compatible server. What it
// says follows from the last words of the user and the results since; once it
// invents a number, for which it is called to order.
func scriptedModel(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Stream   bool `json:"stream"`
		Messages []struct{ Role, Content string }
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	heard, results := "", 0
	for _, m := range asked.Messages {
		switch m.Role {
		case "user":
			heard, results = m.Content, 0
		case "tool":
			results++
		}
	}
	said := llmtest.Said{Stop: "stop", Input: 100, Output: 10}
	for _, line := range modelScript() {
		if strings.HasPrefix(heard, line.heard) && line.results == results {
			said.Text, said.Calls = line.text, line.calls
		}
	}
	if said.Text == "" && len(said.Calls) == 0 {
		http.Error(w, fmt.Sprintf("%q with %d results is not in the script", heard, results), http.StatusTeapot)
		return
	}
	if len(said.Calls) > 0 {
		said.Stop = "tool_calls"
	}
	wire := llmtest.Dialects()["openai"]
	if !asked.Stream {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, wire.Whole(said))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, event := range wire.Stream(said) {
		_, _ = io.WriteString(w, event)
	}
}

// line is what the scripted model says, and when.
type line struct {
	heard   string // how the user's last words begin
	results int    // how many tool results came since
	text    string
	calls   []llmtest.Call
}

func modelScript() []line {
	call := func(tool, args string) []llmtest.Call { return []llmtest.Call{{ID: "call_1", Tool: tool, Args: args}} }
	const toy = `{"name":"toy","shape":[32,32,8],"volumes":`
	return []line{
		{"make a synthetic", 0, "", call("dataset_create_synthetic", toy+"4}")},
		{"make it 5", 0, "", call("dataset_create_synthetic", toy+"5}")},
		{"make it 5", 1, "The dataset toy has 6 volumes.", nil},
		{"train a segresnet on toy for 2", 0, "", call("train_launch", `{"dataset":"toy","epochs":2,"model":"segresnet"}`)},
		{"use batch 1", 0, "", call("train_launch", `{"batch_size":1,"dataset":"toy","epochs":2,"model":"segresnet"}`)},
		{"use batch 1", 1, "The training is under way.", nil},
		{"evaluate the latest", 0, "", call("evaluate_run", `{"run":"latest","split":"test"}`)},
		{"evaluate the latest", 1, "The evaluation has finished: test Dice 0.8.", nil},
		{"how good is it?", 0, "", call("runs_sql", `{"query":"select name, avg(value) as mean, count(*) as volumes from case_metrics group by name order by name"}`)},
		{"how good is it?", 1, "It reaches a Dice of 0.93.", nil},
		{"These numbers of your answer", 0, "It reaches a mean Dice of 0.8 on 1 volume.", nil},
		{"train a swinunetr", 0, "", []llmtest.Call{
			{ID: "call_1", Tool: "train_launch", Args: `{"dataset":"toy","model":"swinunetr"}`},
			{ID: "call_2", Tool: "evaluate_run", Args: `{"run":"@1.run","split":"test"}`},
		}},
		{"no, a segresnet", 0, "", call("train_launch", `{"dataset":"toy","epochs":3,"model":"segresnet"}`)},
		{"no, a segresnet", 1, "Nothing was done.", nil},
		{"which datasets", 0, "", call("dataset_list", `{}`)},
		{"which datasets", 1, "There is 1 dataset: toy.", nil},
	}
}

// unwrapped is a screen without its line breaks.
func unwrapped(screen string) string { return strings.Join(strings.Fields(ansi.Strip(screen)), " ") }

// shell is one command line a turn.
type shell struct {
	dir    string
	vars   map[string]string
	thread string
}

func (s *shell) run(args ...string) (screen string, code int) {
	var out, told bytes.Buffer
	code = Main(Build{Version: "v1.2.3"}, args, Streams{
		In: strings.NewReader(""), Out: &out, Err: &told, Dir: s.dir, Width: 120, Getenv: func(name string) string { return s.vars[name] },
	})
	return told.String() + out.String(), code
}

func (s *shell) say(t *testing.T, said saying) string {
	t.Helper()
	args := []string{"ask", "--thread", s.thread, said.text}
	switch {
	case said.text == ":follow":
		args = []string{"threads", "follow", s.thread}
	case said.text == ":fork":
		args = []string{"threads", "fork", s.thread}
	case s.thread == "":
		args = []string{"ask", said.text}
	}
	screen, code := s.run(args...)
	if said.text == ":fork" {
		s.thread, _, _ = strings.Cut(screen, " ")
	}
	if code != ExitDone && code != ExitNeedsApproval {
		t.Fatalf("%q exits with %d:\n%s", said.text, code, screen)
	}
	if s.thread == "" {
		s.thread = regexp.MustCompile(`--thread (\S+)`).FindStringSubmatch(screen)[1]
	}
	return screen
}

// screen is the terminal program, without a terminal.
type screen struct {
	session  *session
	model    tea.Model
	messages chan tea.Msg
	ctx      context.Context //nolint:containedctx // the program's, for as long as the test
	cancel   context.CancelFunc
	thread   string
}

func newScreen(t *testing.T, vars map[string]string) *screen {
	t.Helper()
	env := &environment{Build: Build{Version: "v1.2.3"}, Streams: Streams{
		In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: os.Stderr, Dir: t.TempDir(), Terminal: true, Width: 95,
		Getenv: func(name string) string { return vars[name] },
	}}
	s, err := env.open(t.Context(), makeOne, assistant.AskBeforeChange)
	if err != nil {
		t.Fatal(err)
	}
	sc := &screen{session: s}
	t.Cleanup(func() {
		sc.cancel()
		s.close()
	})
	sc.open(t, "")
	return sc
}

// open opens the program over a conversation, as minivess chat does.
func (s *screen) open(t *testing.T, name string) {
	t.Helper()
	if s.cancel != nil {
		s.cancel()
	}
	s.ctx, s.cancel = context.WithCancel(t.Context())
	o, err := s.session.screen(s.ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	s.thread, s.model, s.messages = o.Thread, tui.NewModel(s.ctx, o), make(chan tea.Msg)
	s.model.Update(tea.WindowSizeMsg{Width: 95, Height: 300})
	s.begin(s.model.Init())
}

// begin runs a command beside the program, as Bubble Tea does.
func (s *screen) begin(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	ctx, messages := s.ctx, s.messages
	go func() {
		switch msg := cmd().(type) {
		case nil, spinner.TickMsg: // what turns is not looked at
		case tea.BatchMsg:
			for _, c := range msg {
				s.begin(c)
			}
		default:
			select {
			case messages <- msg:
			case <-ctx.Done():
			}
		}
	}()
}

func (s *screen) update(msg tea.Msg) {
	model, cmd := s.model.Update(msg)
	s.model = model
	s.begin(cmd)
}

// mostMessages is how many messages, most of them of the clock, a turn may take.
const mostMessages = 3000

// say types, or presses the key that a person would, and waits until the
// program is idle with everything that is wanted on the screen.
func (s *screen) say(t *testing.T, said saying) string {
	t.Helper()
	switch {
	case said.text == ":follow": // nothing is to be done: it is taken up by itself
	case said.text == ":fork":
		to, turn, err := s.session.assistant.Fork(t.Context(), s.thread, 0, func(ctx context.Context) (string, error) {
			return s.session.thread(ctx, "", "fork")
		})
		if err != nil {
			t.Fatal(err)
		}
		s.open(t, to)
		return fmt.Sprintf("%s goes on from turn %d", to, turn)
	case said.text == "yes", strings.HasPrefix(said.text, "approve"):
		s.update(tea.KeyPressMsg{Code: 'a', Text: "a"})
	default:
		s.update(tea.PasteMsg{Content: said.text})
		s.update(tea.KeyPressMsg{Code: tea.KeyEnter})
	}
	for range mostMessages {
		view := s.view()
		if i := strings.LastIndex(view, said.text); i >= 0 {
			view = view[i:]
		}
		if idle(view) && hasEvery(unwrapped(view), said.want) {
			s.fits(t)
			return view
		}
		select {
		case msg := <-s.messages:
			s.update(msg)
		case <-t.Context().Done():
			t.Fatal("the test was ended")
		}
	}
	t.Fatalf("%q: not on the screen: %q\n%s", said.text, said.want, unwrapped(s.view()))
	return ""
}

// fits looks at the screens that people have: every line is whole, none too long.
func (s *screen) fits(t *testing.T) {
	t.Helper()
	for _, size := range [][2]int{{100, 30}, {80, 24}} {
		s.model.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		lines := strings.Split(s.view(), "\n")
		if len(lines) != size[1] {
			t.Errorf("%d lines on a screen of %d", len(lines), size[1])
		}
		for _, line := range lines {
			if w := ansi.StringWidth(line); w > size[0] {
				t.Errorf("%d cells on a screen of %d: %s", w, size[0], line)
			}
		}
	}
	s.model.Update(tea.WindowSizeMsg{Width: 95, Height: 300})
}

// idle says whether the program waits for a person.
func idle(view string) bool {
	lines := strings.Split(strings.TrimRight(view, "\n"), "\n")
	if len(lines) < 3 {
		return false
	}
	rule := lines[len(lines)-3]
	return strings.HasPrefix(rule, "──") || strings.HasPrefix(rule, "─ a approve")
}

func hasEvery(text string, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(text, w) })
}

func (s *screen) view() string {
	drawn, ok := s.model.(interface{ View() tea.View })
	if !ok {
		return ""
	}
	return ansi.Strip(drawn.View().Content)
}
