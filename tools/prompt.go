package tools

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// prompt is a tool's Markdown file, taken apart.
type prompt struct {
	summary     string
	description string
	examples    []Example
}

const examplesHeading = "## Examples"

// parsePrompt reads the Markdown beside a tool. The first line is the summary;
// everything before "## Examples" is the description; under it, a list item
// holds what a person might say and the line below it the arguments between
// backticks.
func parsePrompt(doc string) (prompt, error) {
	doc = strings.ReplaceAll(doc, "\r\n", "\n")
	body, examples, _ := strings.Cut(doc, examplesHeading)
	body = strings.TrimSpace(body)
	first, rest, _ := strings.Cut(body, "\n")
	p := prompt{summary: strings.TrimSpace(strings.TrimLeft(first, "# "))}
	p.description = strings.TrimSpace(p.summary + ".\n\n" + strings.TrimSpace(rest))
	if p.summary == "" {
		return prompt{}, errors.New("the prompt has no first line to be its summary")
	}
	say := ""
	for line := range strings.SplitSeq(examples, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "- "):
			say = strings.TrimPrefix(line, "- ")
		case strings.HasPrefix(line, "`") && strings.HasSuffix(line, "`") && say != "":
			raw := json.RawMessage(strings.Trim(line, "`"))
			if !json.Valid(raw) {
				return prompt{}, fmt.Errorf("the arguments of the example %q are not JSON", say)
			}
			p.examples = append(p.examples, Example{Say: say, Args: raw})
			say = ""
		case line != "":
			return prompt{}, fmt.Errorf("the examples hold a line that is neither an utterance nor its arguments: %q", line)
		}
	}
	if say != "" {
		return prompt{}, fmt.Errorf("the example %q has no arguments", say)
	}
	return p, nil
}
