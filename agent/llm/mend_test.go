package llm

import (
	"encoding/json"
	"testing"
)

func FuzzMend(f *testing.F) {
	f.Add([]byte(`{"id":"x","choices":[{"message":{"content":[{"text":"a"}],"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]}}]}`))
	f.Add([]byte(`{"choices":[{"message":{"content":null,"tool_calls":null}}]}`))
	f.Add([]byte(`{"choices":[null],"error":{"message":1}}`))
	f.Add([]byte(`{"error":"x"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		mended, err := mend(body)
		if err != nil {
			return
		}
		again, err := mend(mended)
		if err != nil || string(again) != string(mended) {
			t.Errorf("mending twice gives %s and then %s, %v", mended, again, err)
		}
	})
}

func FuzzMendArguments(f *testing.F) {
	for _, s := range []string{``, `null`, `{}`, `{"x":1}{}`, "```json\n{}\n```", `"{\"x\":1}"`, `{"x":`, `{}{}{}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := mendArguments(s)
		var object map[string]any
		if json.Unmarshal([]byte(s), &object) == nil && object != nil && !json.Valid([]byte(got)) {
			t.Errorf("%q was an object and became %q", s, got)
		}
	})
}
