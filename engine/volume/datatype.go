package volume

import "fmt"

// Datatype is NIfTI's datatype code.
type Datatype int16

// The datatypes that are read and written.
const (
	Uint8   Datatype = 2
	Int16   Datatype = 4
	Int32   Datatype = 8
	Float32 Datatype = 16
	Float64 Datatype = 64
	Int8    Datatype = 256
	Uint16  Datatype = 512
	Uint32  Datatype = 768
	Int64   Datatype = 1024
	Uint64  Datatype = 1280
)

// Size gives the bytes of one voxel, 0 for a datatype that is not supported.
func (d Datatype) Size() int {
	switch d {
	case Uint8, Int8:
		return 1
	case Int16, Uint16:
		return 2
	case Int32, Uint32, Float32:
		return 4
	case Int64, Uint64, Float64:
		return 8
	default:
		return 0
	}
}

// String gives numpy's name of the datatype.
func (d Datatype) String() string {
	switch d {
	case Uint8:
		return "uint8"
	case Int16:
		return "int16"
	case Int32:
		return "int32"
	case Float32:
		return "float32"
	case Float64:
		return "float64"
	case Int8:
		return "int8"
	case Uint16:
		return "uint16"
	case Uint32:
		return "uint32"
	case Int64:
		return "int64"
	case Uint64:
		return "uint64"
	default:
		return d.foreign()
	}
}

// foreign names the datatypes of the standard that are refused.
func (d Datatype) foreign() string {
	switch int16(d) {
	case 1:
		return "binary"
	case 32:
		return "complex64"
	case 128:
		return "RGB24"
	case 1536:
		return "float128"
	case 1792:
		return "complex128"
	case 2048:
		return "complex256"
	case 2304:
		return "RGBA32"
	default:
		return fmt.Sprintf("datatype %d", int16(d))
	}
}
