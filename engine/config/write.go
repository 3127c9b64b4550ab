package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// YAML writes e as a file that FileLayer reads back to the same values, with
// each key's documentation beside it.
func (e Experiment) YAML() []byte {
	var b strings.Builder
	group := ""
	v := reflect.ValueOf(&e).Elem()
	for _, l := range newSchema().leaves {
		section, name := "", l.key
		if i := strings.LastIndexByte(l.key, '.'); i >= 0 {
			section, name = l.key[:i], l.key[i+1:]
		}
		indent := ""
		if section != "" {
			indent = "  "
			if section != group {
				fmt.Fprintf(&b, "%s:\n", section)
			}
		}
		group = section
		fmt.Fprintf(&b, "%s%s: %s # %s\n", indent, name, scalar(v.FieldByIndex(l.index)), l.doc)
	}
	return []byte(b.String())
}

// scalar writes a value in YAML's flow style.
func scalar(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case string:
		return strconv.Quote(x)
	case [3]int:
		return fmt.Sprintf("[%d, %d, %d]", x[0], x[1], x[2])
	case map[string]string:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(x)) {
			parts = append(parts, strconv.Quote(k)+": "+strconv.Quote(x[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case map[string]any, []string, []Group:
		b, err := json.Marshal(x)
		if err != nil || string(b) == "null" { // what JSON cannot hold, Validate refuses
			return map[reflect.Kind]string{reflect.Map: "{}", reflect.Slice: "[]"}[v.Kind()]
		}
		return string(b)
	default:
		return fmt.Sprint(x)
	}
}
