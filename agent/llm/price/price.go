// Package price knows what hosted models cost: a table with dates, embedded,
// because minivess asks nobody. A model that is not in it has no known price,
// which is not the same as costing nothing. Whoever runs other models writes
// their prices into the configuration.
package price

import (
	_ "embed" // for the table
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

//go:embed prices.yaml
var embedded []byte

// Price is what a model costs, in US dollars a million tokens. What is read
// from a cache, or written to one, costs its own; Input is for the rest.
type Price struct {
	Input        float64 `yaml:"input"`
	Output       float64 `yaml:"output"`
	CacheRead    float64 `yaml:"cache_read"`
	CacheWritten float64 `yaml:"cache_write"`
	// Checked is the date of the published list that it was taken from, as
	// 2026-07-31; empty for one that a person configured.
	Checked string `yaml:"checked"`
}

// Cost is what so many tokens cost in US dollars. Input includes what was read
// from and written to a cache.
func (p Price) Cost(input, output, cacheRead, cacheWritten int) float64 {
	const million = 1e6
	fresh := max(0, input-cacheRead-cacheWritten)
	read, written := p.CacheRead, p.CacheWritten
	if read == 0 { // not said: no cheaper than the rest
		read = p.Input
	}
	if written == 0 {
		written = p.Input
	}
	return (float64(fresh)*p.Input + float64(output)*p.Output + float64(cacheRead)*read + float64(cacheWritten)*written) / million
}

// Free says whether nothing is charged.
func (p Price) Free() bool {
	return p.Input == 0 && p.Output == 0 && p.CacheRead == 0 && p.CacheWritten == 0
}

// row is one price of one model for the days from From to before Until.
type row struct {
	Provider string `yaml:"provider"`
	Model    string `yaml:"model"`
	From     string `yaml:"from"`
	Until    string `yaml:"until"`
	Price    `yaml:",inline"`
}

// Table is a list of prices.
type Table struct{ rows []row }

// Embedded is the table that comes with the program.
func Embedded() (Table, error) { return parse(embedded) }

const day = "2006-01-02"

func parse(raw []byte) (Table, error) {
	var file struct {
		Prices []row `yaml:"prices"`
	}
	if err := yaml.UnmarshalWithOptions(raw, &file, yaml.Strict()); err != nil {
		return Table{}, fmt.Errorf("read the prices: %w", err)
	}
	for i, r := range file.Prices {
		for what, text := range map[string]string{"from": r.From, "checked": r.Checked, "until": r.Until} {
			if _, err := time.Parse(day, text); err != nil && (what != "until" || text != "") {
				return Table{}, fmt.Errorf("read the prices: row %d (%s): %s: %w", i+1, r.Model, what, err)
			}
		}
		if r.Provider == "" || r.Model == "" || min(r.Input, r.Output, r.CacheRead, r.CacheWritten) < 0 || r.Input == 0 {
			return Table{}, fmt.Errorf("read the prices: row %d (%s) is not complete", i+1, r.Model)
		}
	}
	return Table{rows: file.Prices}, nil
}

// snapshot matches what providers put behind a model's name for one state of
// it: a date, or "latest".
const snapshot = `^(?:-\d{8}|-\d{4}-\d{2}-\d{2}|-latest|@\d{8})?$`

// Find is the price of a provider's model on a day, and false if it is not
// known. The provider is that of the service, not of the wire format.
func (t Table) Find(provider, model string, at time.Time) (Price, bool) {
	on := at.UTC().Format(day)
	state := regexp.MustCompile(snapshot)
	for _, r := range t.rows {
		rest, ok := strings.CutPrefix(model, r.Model)
		if !ok || r.Provider != provider || on < r.From || r.Until != "" && on >= r.Until {
			continue
		}
		if state.MatchString(rest) {
			return r.Price, true
		}
	}
	return Price{}, false
}
