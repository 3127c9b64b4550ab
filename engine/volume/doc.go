// Package volume reads and writes 3D volumes in NIfTI-1 and NIfTI-2: single
// files and .hdr/.img pairs, plain or gzipped, in both byte orders and every
// real numeric datatype. It knows the file format and where voxels lie: which
// volumes belong together is engine/dataset's business, and normalising and
// augmenting live elsewhere. Volumes are put onto one another's grids here.
//
// # Axes and memory
//
// A volume has shape (x, y, z), nibabel's order. Data are x-fastest, the order
// of the file: index = x + nx*(y + ny*z).
//
// # Safety
//
// Nothing a header claims is believed before it is checked. The shape is
// checked against Limits and, where the file's size can tell, against the file
// itself before memory is allocated; a gzip stream is decompressed only as far
// as the header's shape asks for, its checksum is verified, and more than
// a little trailing data is refused. Writes are atomic.
//
// # NaN and infinities
//
// A voxel that is not finite (or whose scaled value does not fit a float32) is
// refused with ErrNonFinite unless Limits.NonFinite says NonFiniteZero or
// NonFiniteKeep. Labels are always refused when they are not finite.
//
// References: nifti1.h and nifti2.h (nifti.nimh.nih.gov); nibabel 5.3.2, whose
// choice of affine, scaling and units is followed and tested against.
package volume
