package llm_test

import (
	"testing"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/llmtest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, provider := range llm.Providers() {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			llmtest.Conformance(t, llm.Provider(provider), llm.New)
		})
	}
}
