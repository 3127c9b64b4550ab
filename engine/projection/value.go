package projection

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"time"

	duckdb "github.com/duckdb/duckdb-go/v2"
	"github.com/google/uuid"
)

// plain turns a value as DuckDB's driver gives it into one of the few types
// that a Table promises.
func plain(v any, typeName string) any {
	switch v := v.(type) {
	case nil, bool, string, int64:
		return v
	case float64:
		return finiteOrText(v)
	case float32:
		return finiteOrText(float64(v))
	case time.Time:
		if v = v.UTC(); v.Year() < 0 || v.Year() > 9999 {
			return v.Format("2006-01-02T15:04:05.999999") // JSON has no such times
		}
		return v
	case duckdb.OrderedMap:
		out := make(map[string]any, v.Len())
		values := v.Values()
		for i, k := range v.Keys() {
			out[fmt.Sprint(k)] = plain(values[i], "")
		}
		return out
	case duckdb.Decimal:
		return finiteOrText(v.Float64())
	case *big.Int:
		if v.IsInt64() {
			return v.Int64()
		}
		return v.String()
	case []byte:
		if typeName == "UUID" && len(v) == len(uuid.UUID{}) {
			return uuid.UUID(v).String()
		}
		return hex.EncodeToString(v)
	}
	return plainKind(reflect.ValueOf(v))
}

func plainKind(r reflect.Value) any {
	switch r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if n := r.Uint(); n <= math.MaxInt64 {
			return int64(n)
		}
		return fmt.Sprint(r.Uint())
	case reflect.Slice:
		out := make([]any, r.Len())
		for i := range out {
			out[i] = plain(r.Index(i).Interface(), "")
		}
		return out
	case reflect.Map:
		out := make(map[string]any, r.Len())
		for it := r.MapRange(); it.Next(); {
			out[fmt.Sprint(it.Key().Interface())] = plain(it.Value().Interface(), "")
		}
		return out
	default:
		return fmt.Sprint(r.Interface())
	}
}

func finiteOrText(f float64) any {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Inf"
	case math.IsInf(f, -1):
		return "-Inf"
	default:
		return f
	}
}
