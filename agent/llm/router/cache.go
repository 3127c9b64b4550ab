package router

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/wire"
	"github.com/minivess/minivess/engine/atomicfile"
)

// cache keeps answers in a folder, a file each. Whatever is wrong with a file
// is a miss: the models can be asked again. A nil cache keeps nothing.
type cache struct {
	dir     string
	ttl     time.Duration
	entries int
}

// kept is an answer in a file.
type kept struct {
	At        time.Time       `json:"at"`
	Model     string          `json:"model"`
	Provider  string          `json:"provider"`
	Group     string          `json:"group"`
	Text      string          `json:"text"`
	Reasoning string          `json:"reasoning,omitempty"`
	Stop      string          `json:"stop"`
	Calls     []llms.ToolCall `json:"calls,omitempty"`
}

// key is what tells a question from another; "" for one whose answer is left
// to chance, which is not kept.
func (c *cache) key(config Config, q *question) string {
	if c == nil || q.opts.Temperature != 0 {
		return ""
	}
	var models []string
	for _, m := range config.Groups[config.Use].Models {
		models = append(models, m.Provider, m.BaseURL, m.Model)
	}
	parts := make([][]string, len(q.messages))
	for i, m := range q.messages {
		parts[i] = []string{string(m.Role)}
		for _, p := range m.Parts {
			parts[i] = append(parts[i], fmt.Sprintf("%T %+v", p, plain(p)))
		}
	}
	opts := q.opts // its functions are not part of its JSON
	raw, err := json.Marshal([]any{models, parts, opts})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// plain is a part without pointers.
func plain(p llms.ContentPart) any {
	if c, ok := p.(llms.ToolCall); ok && c.FunctionCall != nil {
		return []string{c.ID, c.FunctionCall.Name, c.FunctionCall.Arguments}
	}
	return p
}

func (c *cache) path(key string) string { return filepath.Join(c.dir, key+".json") }

func (c *cache) get(key string) *llms.ContentResponse {
	if key == "" {
		return nil
	}
	raw, err := os.ReadFile(c.path(key))
	var k kept
	if err != nil || json.Unmarshal(raw, &k) != nil || time.Since(k.At) > c.ttl || time.Since(k.At) < 0 {
		return nil
	}
	choice := &llms.ContentChoice{
		Content: k.Text, ReasoningContent: k.Reasoning, StopReason: k.Stop, ToolCalls: k.Calls,
		GenerationInfo: map[string]any{llm.InfoModel: k.Model, llm.InfoProvider: k.Provider, InfoGroup: k.Group, InfoCached: true, llm.InfoCost: 0.0},
	}
	for _, call := range k.Calls {
		if call.FunctionCall == nil {
			return nil
		}
	}
	if len(k.Calls) > 0 {
		choice.FuncCall = k.Calls[0].FunctionCall
	}
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{choice}}
}

// put keeps an answer that is complete.
func (c *cache) put(key string, resp *llms.ContentResponse) {
	if key == "" || len(resp.Choices) != 1 {
		return
	}
	choice := resp.Choices[0]
	if choice.StopReason != wire.StopEnd && choice.StopReason != wire.StopCalls {
		return
	}
	k := kept{At: time.Now(), Text: choice.Content, Reasoning: choice.ReasoningContent, Stop: choice.StopReason, Calls: choice.ToolCalls}
	k.Model, _ = choice.GenerationInfo[llm.InfoModel].(string)
	k.Provider, _ = choice.GenerationInfo[llm.InfoProvider].(string)
	k.Group, _ = choice.GenerationInfo[InfoGroup].(string)
	raw, err := json.Marshal(k)
	if err != nil || os.MkdirAll(c.dir, 0o700) != nil || atomicfile.WriteBytes(c.path(key), 0o600, raw) != nil {
		return // an answer that is not kept is only asked for again
	}
	c.prune()
}

// prune removes the oldest answers beyond the limit.
func (c *cache) prune() {
	files, err := filepath.Glob(filepath.Join(c.dir, "*.json"))
	if err != nil || len(files) <= c.entries {
		return
	}
	type aged struct {
		path string
		at   time.Time
	}
	var all []aged
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			all = append(all, aged{f, info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b aged) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.path, b.path)) })
	for i := range len(all) - c.entries {
		_ = os.Remove(all[i].path) // another process may have been quicker
	}
}
