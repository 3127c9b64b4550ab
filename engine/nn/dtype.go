package nn

import "fmt"

// DType is a tensor's element type, by the name that safetensors uses.
type DType string

// The element types. Elements lie in little-endian order.
const (
	F64  DType = "F64"
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I64  DType = "I64"
	I32  DType = "I32"
	I16  DType = "I16"
	I8   DType = "I8"
	U8   DType = "U8"
	Bool DType = "BOOL"
)

// Size returns the bytes of one element, or 0 for an unknown type.
func (d DType) Size() int {
	switch d {
	case F64, I64:
		return 8
	case F32, I32:
		return 4
	case F16, BF16, I16:
		return 2
	case I8, U8, Bool:
		return 1
	default:
		return 0
	}
}

// Float reports whether the type is a floating-point one.
func (d DType) Float() bool {
	return d == F64 || d == F32 || d == F16 || d == BF16
}

// Check returns ErrDType when the type is unknown.
func (d DType) Check() error {
	if d.Size() == 0 {
		return fmt.Errorf("%w: %q is not one of F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL", ErrDType, string(d))
	}
	return nil
}
