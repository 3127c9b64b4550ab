package assistant_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/llm/llmtest"
)

// scores is a result as the tools give it: rows about two runs, with two
// metrics, a size, a time and a share.
const scores = `{"columns":["run_id","dice","cldice","hd95_um","bytes","seconds"],` +
	`"rows":[["calm-heron-01aa",0.8612,0.9134,1.92,1100000000,150],["brisk-otter-7f3a",0.7923,0.8801,3.4,2200000000,9000]],` +
	`"vessel_percent":3.1,"volumes":40}`

// TestClaims has answers that a careless or a hostile model might give. Each
// follows the same look at the same result.
func TestClaims(t *testing.T) {
	t.Parallel()
	const none = ""
	for _, c := range []struct{ asked, answer, refused string }{
		// true, in the ways people write
		{"how good are they?", "calm-heron-01aa has a Dice of 0.861 and a clDice of 0.913.", none},
		{"how good are they?", "The Dice of calm-heron-01aa is 86.1 %, or 86 percent.", none},
		{"how good are they?", "calm-heron-01aa beats brisk-otter-7f3a: 0.861 against 0.792.", none},
		{"how good are they?", "HD95: 1.92 µm for calm-heron-01aa. It took 2.5 min and 1.1 GB.", none},
		{"how good are they?", "brisk-otter-7f3a took 2.5 h; there are 40 volumes with 3.1 % vessel.", none},
		{"how good are they?", "Both were scored on forty volumes; the two of them differ.", none},
		{"how good are they?", "See query 1, steps 2 and 3.", none},
		{"train for 20 epochs", "You asked for 20 epochs; nothing was trained.", none},
		{"is the Dice 0.93?", "You said 0.93; the result says 0.861 and 0.792.", none},
		{"is the Dice 0.93?", `Not "0.93": calm-heron-01aa has 0.86.`, none},
		{"how good are they?", "segresnet-8 was used on mv07.nii.gz, in 3D.", none},

		// invented, computed or not what was measured
		{"how good are they?", "The Dice is 0.93.", "0.93"},
		{"how good are they?", "calm-heron-01aa is 0.07 better.", "0.07"},
		{"how good are they?", "On average they reach 0.83.", "0.83"},
		{"how good are they?", "The Dice is 0.9.", none},
		{"how good are they?", "The Dice is 0.87.", "0.87"},
		{"how good are they?", "There are 41 volumes.", "41"},
		{"how good are they?", "There are 7 volumes.", "7"},
		{"how good are they?", "There are forty-one volumes.", "forty-one"},
		{"how good are they?", "There are seven volumes.", "seven"},
		{"how good are they?", "It was trained on a hundred and five volumes.", "hundred"},
		{"is the Dice 0.93?", "Yes, it is 0.93.", "0.93"},
		{"are there 70 volumes?", "Yes, there are 70 volumes.", "70"},

		// the right digits with the wrong unit
		{"how good are they?", "The HD95 of calm-heron-01aa is 1.92 mm.", "1.92"},
		{"how good are they?", "calm-heron-01aa took 150 min.", "150"},
		{"how good are they?", "calm-heron-01aa needs 1.1 MB.", "1.1"},
		{"how good are they?", "The Dice is 0.861 %.", "0.861 %"},
		{"how good are they?", "The Dice is 8612 percent.", "8612 %"},

		// a number of another run, or of another metric
		{"how good are they?", "brisk-otter-7f3a has a Dice of 0.861.", "0.861"},
		{"how good are they?", "brisk-otter-7f3a was scored. Its Dice is 0.861.", "0.861"},
		{"how good are they?", "calm-heron-01aa has a Dice of 0.913.", "0.913"},
		{"how good are they?", "The clDice of calm-heron-01aa is 0.861.", "0.861"},

		// hidden from a reader of plain digits
		{"how good are they?", "The Dice is ０.９３.", "０.９３"},
		{"how good are they?", "The Dice is ٠٫٩٣.", "٠"},
		{"how good are they?", "More than ½ of it is vessel.", "½"},
		{"how good are they?", "calm-heron-01aa: dice0.93", "0.93"},
		{"how good are they?", "calm-heron-01aa: dice-0.93.", "0.93"},
		{"how good are they?", "1. The first is 0.93", "0.93"},
		{"how good are they?", "Dice: .93", "93"},
		{"how good are they?", "The Dice is 0,93.", "93"},
		{"how good are they?", "The Dice is 9.3e-1.", "9.3e-1"},
	} {
		t.Run(c.answer, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, assistant.Options{Numbers: assistant.NumbersAnnotate},
				llmtest.Reply{Calls: []llmtest.Call{{Tool: "look", Args: `{"query":"all"}`}}}, answering(c.answer))
			r.world.scores = json.RawMessage(scores)
			out := r.turn(t, c.asked)
			got := out.Answer.Unverified
			if c.refused == none && len(got) > 0 {
				t.Errorf("refused %q", got)
			}
			if c.refused != none && !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, c.refused) }) {
				t.Errorf("refused %q, want %q", got, c.refused)
			}
		})
	}
}

func TestNumbersAreLinkedToRunAndQuery(t *testing.T) {
	t.Parallel()
	r := newRig(t, assistant.Options{},
		llmtest.Reply{Calls: []llmtest.Call{{Tool: "train", Args: `{"dataset":"demo","steps":400}`}, {Tool: "look", Args: `{"query":"select dice","_needs":["1"]}`}}},
		answering("run-1 finished after 400 steps; run-2 has a Dice of 0.861."))
	r.turn(t, "train and look")
	out := r.decide(t, assistant.Decision{Verdict: assistant.Approve})
	if out.Status != assistant.StatusAnswered {
		t.Fatalf("%+v", out.Problem)
	}
	linked := map[string]assistant.Source{}
	for _, s := range out.Answer.Sources {
		for _, n := range s.Numbers {
			linked[n] = s
		}
	}
	if s := linked["400"]; s.Run != "run-1" || s.Tool != "train" {
		t.Errorf("400 comes from %+v", s)
	}
	if s := linked["0.861"]; s.Query != "select dice" {
		t.Errorf("0.861 comes from %+v", s)
	}
}
