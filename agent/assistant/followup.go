package assistant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/tools"
)

// ErrNoFollowup means that nothing in the thread waits for a run.
var ErrNoFollowup = errors.New("nothing in this thread waits for a run to end")

// due is a follow-up whose runs have ended.
type due struct {
	Followup Followup     `json:"followup"`
	Ended    []RunOutcome `json:"ended"` // of Followup.Runs, in their order
}

// Followups lists what the thread will take up when runs have ended.
func (a *Assistant) Followups(ctx context.Context, thread string) ([]Followup, error) {
	at, err := a.graph.Inspect(ctx, thread)
	if err != nil {
		return nil, err
	}
	return at.State.followups(thread), nil
}

// Due waits, without holding the thread, until the runs of one of its
// follow-ups have ended, and returns that one. Emit, which may be nil, gets the
// runs' progress. A thread without any is ErrNoFollowup.
func (a *Assistant) Due(ctx context.Context, thread string, emit func(Event)) (Followup, error) {
	d, err := a.due(ctx, thread, emit)
	return d.Followup, err
}

func (a *Assistant) due(ctx context.Context, thread string, emit func(Event)) (due, error) {
	all, err := a.Followups(ctx, thread)
	switch {
	case err != nil:
		return due{}, err
	case len(all) == 0 || a.options.Watcher == nil:
		return due{}, ErrNoFollowup
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	type result struct {
		due due
		err error
	}
	first, progress := make(chan result), make(chan Event)
	for _, f := range all {
		go func() {
			d, err := a.await(ctx, f, func(e Event) {
				select {
				case progress <- e:
				case <-ctx.Done():
				}
			})
			select {
			case first <- result{d, err}:
			case <-ctx.Done():
			}
		}()
	}
	for {
		select {
		case e := <-progress:
			if emit != nil {
				e.Thread = thread
				emit(e)
			}
		case r := <-first:
			return r.due, r.err
		case <-ctx.Done():
			return due{}, context.Cause(ctx)
		}
	}
}

// await watches the runs of a follow-up to their end. A run that is not there
// any more has ended, too.
func (a *Assistant) await(ctx context.Context, f Followup, emit func(Event)) (due, error) {
	d := due{Followup: f}
	for _, run := range f.Runs {
		out, err := a.options.Watcher.Watch(ctx, run, func(p tools.Progress) {
			emit(Event{Kind: EventProgress, StepID: run, Progress: &p})
		})
		if ctx.Err() != nil {
			return due{}, context.Cause(ctx)
		}
		if err != nil {
			out = RunOutcome{State: "gone", Error: err.Error()}
		}
		d.Ended = append(d.Ended, out)
	}
	return d, nil
}

// Follow waits for a follow-up of the thread and takes it up as a turn, once:
// whoever comes second finds it gone. What the turn wants to change is reviewed
// like everything else. Ending ctx leaves the follow-up where it is.
func (a *Assistant) Follow(ctx context.Context, thread string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var d due
		events := graph.Stream(ctx, func(ctx context.Context, emit func(Event)) (err error) {
			d, err = a.due(ctx, thread, emit)
			return err
		})
		for e, err := range events {
			if err != nil {
				yield(Event{}, err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		for e, err := range a.session(ctx, thread, func(ctx context.Context, s *session) error { return s.follow(ctx, d) }) {
			if !yield(e, err) {
				return
			}
		}
	}
}

// follow begins the turn of a follow-up that is due, and strikes it off with
// the same record.
func (s *session) follow(ctx context.Context, d due) error {
	if s.at.Unfinished() {
		return ErrUnfinished
	}
	all := s.at.State.followups(s.thread)
	rest := slices.DeleteFunc(slices.Clone(all), func(f Followup) bool { return f.ID == d.Followup.ID })
	if len(rest) == len(all) {
		return ErrNoFollowup
	}
	text := "tell me when " + strings.Join(d.Followup.Runs, " and ") + " has ended"
	if d.Followup.Say != "" {
		text = bound(d.Followup.Say, d.Followup.Runs)
	}
	f := s.a.fields
	return s.begin(ctx, text, []Message{{
		Role: RoleUser, Text: text, Notes: []string{fmt.Sprintf("follow-up of turn %d, now that %s", d.Followup.Turn, d.sentence())},
	}}, f.followups.Set(rest), f.due.Set(&d))
}

// sentence says how the runs ended.
func (d *due) sentence() string {
	var words []string
	for i, run := range d.Followup.Runs {
		words = append(words, fmt.Sprintf("%s is %s", run, d.Ended[i].State))
	}
	return strings.Join(words, " and ")
}

// failed is the first of the runs that did not finish; -1 if all did.
func (d *due) failed() int {
	return slices.IndexFunc(d.Ended, func(o RunOutcome) bool { return o.State != runFinished })
}

// takeUp is how the turn of a follow-up begins: with how its runs ended, as
// evidence for what is said about them. A failure is told with its remedy; if
// there is nothing else to do, how it ended is all there is to say. Done is
// false if a wish goes to the model, which comes after the message returned.
func (a *Assistant) takeUp(ctx context.Context, s state, rt *graph.Runtime) (out result, ended Message, done bool) {
	ended = a.message(rt, RolePlan, "")
	ended.Plan = s.endedPlan(s.Due)
	emitter(rt)(Event{Kind: EventPlan, Plan: ended.Plan})
	if i := s.Due.failed(); i >= 0 {
		return a.takeUpFailure(ctx, s, ended, i, rt), ended, true
	}
	if s.Due.Followup.Say != "" {
		return result{}, ended, false
	}
	var words []string
	for i, out := range s.Due.Ended {
		words = append(words, cmp.Or(out.Summary, s.Due.Followup.Runs[i]+" has finished")+".")
	}
	own := a.message(rt, RoleAssistant, strings.Join(words, "\n"))
	own.Own = true
	return a.to(nodeAnswer, a.fields.due.Set(nil), a.fields.messages.Set([]Message{ended, own})), ended, true
}

// endedPlan shows the steps that launched the runs, with how these ended.
func (s *state) endedPlan(d *due) *Plan {
	p := &Plan{}
	for i, run := range d.Followup.Runs {
		step := Step{ID: strconv.Itoa(i + 1), Tool: "run", Args: []byte("{}"), Needs: []string{}, Effect: tools.Launch, State: StepDone, Run: run}
		if launched := s.launcher(run); launched != nil {
			step = *launched
			step.ID, step.Needs = strconv.Itoa(i+1), []string{}
		}
		step.Outcome, step.State = new(d.Ended[i]), StepDone
		if d.Ended[i].State != runFinished {
			step.State, step.Error = StepFailed, problemOfRun(run, d.Ended[i])
		}
		p.Steps = append(p.Steps, step)
	}
	return p
}

// launcher is the step of the thread that launched a run.
func (s *state) launcher(run string) *Step {
	for _, m := range slices.Backward(s.Messages) {
		if m.Plan == nil {
			continue
		}
		for i := range m.Plan.Steps {
			if step := &m.Plan.Steps[i]; step.Run == run {
				return step
			}
		}
	}
	return nil
}

// takeUpFailure tells of a run that failed while nobody waited, and plans the
// next sensible step, if there is one. What was to follow then waits for that.
func (a *Assistant) takeUpFailure(ctx context.Context, s state, ended Message, i int, rt *graph.Runtime) result {
	writes := []graph.Write[state]{a.fields.due.Set(nil)}
	failed := ended.Plan.Steps[i]
	emitter(rt)(Event{Kind: EventProblem, StepID: failed.ID, Problem: failed.Error})
	again := failed
	again.ID = "1"
	if len(again.Resolved) > 0 {
		again.Args = again.Resolved // what it referred to belongs to another plan
	}
	retry := &Plan{Steps: []Step{again}}
	if !a.amend(ctx, retry) {
		return a.fail(failed.Error, append(writes, a.fields.messages.Set([]Message{ended}))...)
	}
	asked := a.message(rt, RoleAssistant, retry.Reply)
	asked.Own, asked.Calls = true, []Call{{ID: fmt.Sprintf("followup_%d", rt.Run()), Tool: again.Tool, Args: string(retry.Steps[0].Args)}}
	emitter(rt)(Event{Kind: EventReply, Text: retry.Reply})
	emitter(rt)(Event{Kind: EventPlan, Plan: retry})
	wish := s.Due.Followup
	wish.Runs = nil
	return a.to(nodeReview, append(writes, a.fields.wish.Set(&wish), a.fields.messages.Set([]Message{ended, asked}), a.fields.plan.Set(retry))...)
}

// settle keeps the user's wish for what this plan launched.
func (s *state) settle(p *Plan, a *Assistant, thread string, turn int) []graph.Write[state] {
	if s.Wish == nil {
		return nil
	}
	f := *s.Wish
	f.Thread, f.Turn, f.ID = thread, turn, fmt.Sprintf("turn-%d", turn)
	for i := range p.Steps {
		if step := &p.Steps[i]; step.State == StepDone && step.Run != "" && step.Outcome == nil && step.Effect == tools.Launch {
			f.Runs = append(f.Runs, step.Run)
		}
	}
	if len(f.Runs) == 0 {
		return nil
	}
	f.Asked = a.options.Now().UTC()
	return []graph.Write[state]{a.fields.wish.Set(nil), a.fields.followups.Set(append(s.followups(thread), f))}
}

// promise says what will be taken up.
func (f *Followup) promise() string {
	runs := strings.Join(f.Runs, " and ")
	has := "has"
	if len(f.Runs) > 1 {
		has = "have"
	}
	if f.Say == "" {
		return fmt.Sprintf("I will tell you when %s %s ended.", runs, has)
	}
	return fmt.Sprintf("I will tell you when %s %s ended, and then: %s.", runs, has, f.Say)
}
