package cli

import (
	"encoding/json"
	"testing"

	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/mcp"
)

func TestThePolicyAnswersForAnMCPClient(t *testing.T) {
	t.Parallel()
	call := tools.Call{Tool: "run_tag", Args: json.RawMessage(`{"run":"latest"}`)}
	for _, c := range []struct {
		name    string
		ruling  *tools.Ruling
		decided bool
		exit    int
	}{
		{"nothing written", nil, false, ExitDone},
		{"asked", &tools.Ruling{Verdict: tools.Ask, By: "policy p:1"}, false, ExitDone},
		{"allowed", &tools.Ruling{Verdict: tools.Allow, By: "policy p:1"}, true, ExitDone},
		{"denied", &tools.Ruling{Verdict: tools.Deny, By: "policy p:1"}, false, ExitRefused},
		{"a verdict of another version", &tools.Ruling{Verdict: "perhaps"}, false, ExitRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, decided, err := policyApprover{}.Approve(t.Context(), mcp.Ask{
				Tool: tools.Descriptor{Name: "run_tag", Effect: tools.Write}, Call: call, Preview: tools.Preview{Ruling: c.ruling},
			})
			if decided != c.decided || tools.ExitCode(err) != c.exit {
				t.Errorf("decided %t, %v", decided, err)
			}
			if decided && (a.By != "policy p:1" || !a.Blanket || a.Fingerprint != tools.Fingerprint(call.Tool, call.Args)) {
				t.Errorf("%+v", a)
			}
		})
	}
}
