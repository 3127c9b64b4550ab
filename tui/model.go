package tui

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"charm.land/bubbles/v2/spinner"
	"charm.land/bubbles/v2/textinput"
	"charm.land/bubbles/v2/viewport"
	tea "charm.land/bubbletea/v2"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/tools"
)

// mode says what the input line is for.
type mode int

const (
	modeChat    mode = iota
	modeEdit         // the input changes the plan under review
	modeReason       // the input says why the plan is rejected
	modeConfirm      // a destroying step waits for a word of its own
)

// screen says which page fills the main pane.
type screen int

const (
	screenChat screen = iota
	screenRuns
	screenCurves
	screenHelp
)

// model is the one Bubble Tea model; the parts it is made of are plain structs.
type model struct {
	ctx     context.Context //nolint:containedctx // Bubble Tea's Update has no context parameter
	options Options
	styles  styles

	width, height int
	screen        screen
	mode          mode

	input  textinput.Model
	chat   viewport.Model
	spin   spinner.Model
	follow bool // the chat sticks to its end

	transcript transcript
	progress   map[string]tools.Progress
	stream     stream
	status     string // what the assistant is doing, in the input's frame
	thinking   bool   // the model is being asked; esc ends that

	review    *assistant.Review
	asked     *assistant.Review // the review that is being answered; it stays if the answer does not fit
	confirmed []string          // destroying steps that were confirmed one by one
	offered   *Unfinished
	following context.CancelFunc // ends the waiting for follow-ups

	board  boardMsg
	cursor int    // row of the runs table
	chosen string // run that the person picked for the curves

	history []string
	recall  int
}

func newModel(ctx context.Context, o Options) *model {
	input := textinput.New()
	input.Prompt = "> "
	input.Placeholder = "ask, or say what to do"
	input.CharLimit = 4000
	looks := input.Styles()
	looks.Cursor.Blink = false // an idle program has nothing to redraw
	input.SetStyles(looks)
	m := &model{
		ctx: ctx, options: o, styles: newStyles(),
		input: input, chat: viewport.New(), spin: spinner.New(spinner.WithSpinner(spinner.MiniDot)),
		follow: true, progress: map[string]tools.Progress{}, width: 80, height: 24,
	}
	m.input.Focus() // its command only makes the cursor blink
	m.greet()
	return m
}

// greet says where things stand when the program opens.
func (m *model) greet() {
	u := m.options.Unfinished
	m.transcript.recall(m.options.Messages)
	if u == nil && len(m.options.Messages) > 0 {
		return
	}
	if u == nil {
		m.transcript.add(speakerNote, "Say what you want in plain words, for example: make a synthetic dataset called demo, train a segresnet on it and evaluate it. ? helps.")
		return
	}
	m.offered = u
	if len(m.options.Messages) == 0 {
		m.transcript.add(speakerUser, u.Text)
	}
	m.transcript.setPlan(u.Plan)
	if u.Review != nil {
		m.review = u.Review
		m.transcript.add(speakerNote, "This plan from an earlier session still waits for your word.")
		return
	}
	m.transcript.add(speakerNote, "An earlier session stopped in the middle of this plan. Press c to go on from there; steps that are done stay done. Press x to leave it.")
}

// Init starts the spinner and takes the first look at the board.
func (m *model) Init() tea.Cmd {
	return tea.Batch(m.spin.Tick, readBoard(m.ctx, m.options.Board, m.chosen), m.awaitFollowup())
}

// Update takes one message and says what to do next. It does no input or
// output of its own.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(msg.Width, 20), max(msg.Height, 8)
	case tea.KeyPressMsg:
		cmd = m.key(msg)
	case tea.PasteMsg:
		m.input, cmd = m.input.Update(msg)
	case tea.MouseWheelMsg:
		m.chat, cmd = m.chat.Update(msg)
		m.follow = m.chat.AtBottom()
	case eventMsg:
		if msg.err != nil {
			m.transcript.add(speakerProblem, msg.err.Error())
			m.review, m.asked = m.asked, nil // what was said did not fit; the plan still waits
		}
		cmd = m.event(msg.event)
	case endMsg:
		m.stream.done()
		m.status, m.thinking = "", false
		m.transcript.withdraw()
		cmd = tea.Batch(readBoard(m.ctx, m.options.Board, m.chosen), m.awaitFollowup())
	case dueMsg:
		cmd = m.followup(msg)
	case boardMsg:
		cmd = m.boardRead(msg)
	case abandonedMsg:
		if msg.err != nil {
			m.transcript.add(speakerProblem, msg.err.Error())
		}
	case tickMsg:
		cmd = readBoard(m.ctx, m.options.Board, m.chosen)
	case spinner.TickMsg:
		m.spin, cmd = m.spin.Update(msg)
	default:
		m.input, cmd = m.input.Update(msg)
	}
	m.layoutChat()
	return m, cmd
}

// boardRead keeps a reading of the board and asks for the next one.
func (m *model) boardRead(b boardMsg) tea.Cmd {
	if b.err == nil || m.board.runs == nil {
		m.board = b
	}
	m.cursor = min(m.cursor, max(len(m.board.runs)-1, 0))
	for _, r := range m.board.runs {
		if r.Active() {
			return tick(refreshEvery)
		}
	}
	return tick(refreshIdle)
}

// event folds one event of the turn into what is shown.
func (m *model) event(e assistant.Event) tea.Cmd {
	if e.Kind != assistant.EventToken {
		m.transcript.withdraw() // what is said now takes its place
		m.thinking = e.Kind == assistant.EventThinking || e.Kind == assistant.EventWithdrawn
	}
	switch e.Kind {
	case assistant.EventToken:
		m.transcript.hear(e.Text, e.Lost)
	case assistant.EventWithdrawn:
		m.status = "asking again: " + clean(e.Text)
	case assistant.EventTurn:
		m.progress = map[string]tools.Progress{}
	case assistant.EventThinking:
		m.status = "thinking"
		if e.Text != "" {
			m.status += " (" + clean(e.Text) + ")"
		}
	case assistant.EventReply:
		m.transcript.add(speakerAssistant, e.Text)
	case assistant.EventPlan:
		m.transcript.setPlan(e.Plan)
	case assistant.EventReview:
		m.transcript.setPlan(e.Plan)
		m.reviewed(e.Review)
	case assistant.EventDecision:
		m.review, m.asked = nil, nil
	case assistant.EventStep:
		m.stepChanged(e.Step)
	case assistant.EventProgress:
		if e.Progress != nil {
			m.progress[e.StepID] = *e.Progress
		}
	case assistant.EventProblem:
		if e.Problem != nil {
			m.transcript.add(speakerProblem, e.Problem.Message+"\n"+e.Problem.Hint)
		}
	case assistant.EventAnswer:
		m.answered(e.Answer)
	case assistant.EventDone:
		m.turnDone(e.Outcome)
	}
	return m.stream.next()
}

// reviewed shows what waits for a word, and why it does so again.
func (m *model) reviewed(r *assistant.Review) {
	m.review, m.asked, m.confirmed, m.status = r, nil, nil, ""
	if r != nil && len(r.Changed) > 0 {
		m.transcript.add(speakerNote, "Asked again, because something is different now:\n"+strings.Join(r.Changed, "\n"))
	}
}

func (m *model) stepChanged(s *assistant.Step) {
	if s == nil {
		return
	}
	if p := m.transcript.lastPlan(); p != nil {
		if known := p.Step(s.ID); known != nil {
			*known = *s
		}
	}
	if s.State == assistant.StepRunning {
		m.status = "working on step " + clean(s.ID)
	}
}

// answered shows the final words with where their numbers come from.
func (m *model) answered(a *assistant.Answer) {
	if a == nil {
		return
	}
	m.transcript.add(speakerAssistant, a.Text)
	for _, q := range a.Questions {
		m.transcript.add(speakerAssistant, question(q))
	}
	for i, s := range a.Sources {
		if s.Query != "" {
			m.transcript.add(speakerNote, fmt.Sprintf("source %d: %s", i+1, s.Query))
		}
	}
}

// question says what is asked, with the choices there are.
func question(q assistant.Question) string {
	if len(q.Choices) == 0 {
		return q.Text
	}
	return q.Text + "\n  " + strings.Join(q.Choices, " · ")
}

// turnDone ends a sequence: what is left open is kept for the next one.
func (m *model) turnDone(o *assistant.Outcome) {
	m.status = ""
	if o == nil {
		return
	}
	if o.Plan != nil && !m.transcript.refresh(o.Plan) {
		m.transcript.setPlan(o.Plan)
	}
	m.review = nil
	switch o.Status {
	case assistant.StatusWaiting:
		m.review = o.Review
	case assistant.StatusDetached:
		m.offered = &Unfinished{Plan: o.Plan}
		m.transcript.add(speakerNote, "Stopped. Press c to go on from there, x to leave it.")
	case assistant.StatusAnswered, assistant.StatusFailed:
	}
}

// send starts a turn with what was typed.
func (m *model) send(text string) tea.Cmd {
	m.transcript.add(speakerUser, text)
	m.offered, m.review = nil, nil
	return m.begin(func(ctx context.Context) iter.Seq2[assistant.Event, error] {
		return m.options.Assistant.Turn(ctx, m.options.Thread, text)
	})
}

// decide answers the pending review.
func (m *model) decide(d assistant.Decision) tea.Cmd {
	if m.review != nil {
		d = m.review.Quoted(d)
	}
	m.asked = m.review
	m.review, m.offered = nil, nil
	return m.begin(func(ctx context.Context) iter.Seq2[assistant.Event, error] {
		return m.options.Assistant.Decide(ctx, m.options.Thread, d)
	})
}

// goOn takes up what an earlier session left.
func (m *model) goOn() tea.Cmd {
	m.offered = nil
	return m.begin(func(ctx context.Context) iter.Seq2[assistant.Event, error] {
		return m.options.Assistant.Continue(ctx, m.options.Thread)
	})
}

func (m *model) begin(sequence func(context.Context) iter.Seq2[assistant.Event, error]) tea.Cmd {
	m.mode, m.screen, m.follow, m.status = modeChat, screenChat, true, "working"
	m.input.Reset()
	return m.stream.start(m.ctx, sequence)
}

// farewell says what goes on after the program has closed.
func (m *model) farewell() string {
	running := 0
	for _, r := range m.board.runs {
		if r.Active() {
			running++
		}
	}
	switch {
	case m.review != nil:
		return "A plan still waits for your word. Open minivess again to answer it."
	case running > 0:
		return fmt.Sprintf("%s on in the background. Come back with minivess, or look with minivess runs.", plural(running, "job goes", "jobs go"))
	}
	return ""
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
