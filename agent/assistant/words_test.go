package assistant

import (
	"slices"
	"testing"
)

func TestDecisionsInWords(t *testing.T) {
	t.Parallel()
	r := &Review{Steps: []string{"1", "2", "3"}, Confirm: []string{"2"}}
	for text, want := range map[string]Decision{
		"yes":                        {Verdict: Approve},
		"Yes!":                       {Verdict: Approve},
		"OK.":                        {Verdict: Approve},
		"go ahead":                   {Verdict: Approve},
		"y":                          {Verdict: Approve},
		"approve 2":                  {Verdict: Approve, Steps: []string{"2"}},
		"Yes, steps 1 and 3.":        {Verdict: Approve, Steps: []string{"1", "3"}},
		"approve 4":                  {Verdict: Respond},
		"approve 2 but slower":       {Verdict: Respond},
		"no":                         {Verdict: Reject},
		"No, thanks":                 {Verdict: Reject},
		"cancel":                     {Verdict: Reject},
		"N":                          {Verdict: Reject},
		"yes, but with 200 steps":    {Verdict: Respond},
		"use 200 steps instead":      {Verdict: Respond},
		"okay then what is the cost": {Verdict: Respond},
		"delete it":                  {Verdict: Respond},
	} {
		got := DecisionFor(text, r)
		if got.Verdict != want.Verdict || !slices.Equal(got.Steps, want.Steps) {
			t.Errorf("%q is read as %s %v, want %s %v", text, got.Verdict, got.Steps, want.Verdict, want.Steps)
		}
	}
	if d := DecisionFor("yes", &Review{Steps: []string{"7"}, Confirm: []string{"7"}}); !slices.Equal(d.Steps, []string{"7"}) {
		t.Errorf("a yes to one single step names %v", d.Steps)
	}
}
