package runs

import (
	"encoding/json"
)

// DecodeMetric reads the data of an EventMetric record.
func DecodeMetric(data []byte) (Metric, error) {
	var m Metric
	err := json.Unmarshal(data, &m)
	return m, err
}
