package report

import "github.com/minivess/minivess/engine/plaintext"

// UnitName writes a unit of length as people do: µm for um, voxel units where
// the file does not say.
func UnitName(unit string) string {
	switch unit {
	case "um":
		return "µm"
	case "":
		return "units"
	}
	return plaintext.Line(unit)
}
