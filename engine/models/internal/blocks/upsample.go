package blocks

import (
	"fmt"

	"github.com/minivess/minivess/engine/nn"
)

// The ways of enlarging feature maps, as MONAI names them.
const (
	Deconv       = "deconv"       // a transposed convolution
	DeconvGroup  = "deconvgroup"  // the same in as many groups as there are channels afterwards
	NonTrainable = "nontrainable" // trilinear interpolation
	PixelShuffle = "pixelshuffle" // a convolution to eight times the channels, which become voxels
)

// CheckUpsample refuses a way of enlarging that does not exist.
func CheckUpsample(mode string) error {
	return oneOf("upsample_mode", mode, Deconv, DeconvGroup, NonTrainable, PixelShuffle)
}

// Upsample multiplies the spatial sizes by Scale and takes In channels to Out,
// as MONAI's UpSample does with linear interpolation and half-pixel centres.
type Upsample struct {
	Mode    string
	In, Out int
	Scale   [3]int // 1 or more along each axis; equal along all for PixelShuffle
	// Kernel is that of the transposed convolution; zeros mean Scale.
	Kernel [3]int
	// Bias is whether the convolutions have one.
	Bias bool
}

// Declare adds the parameters below prefix.deconv, prefix.deconvgroup,
// prefix.preconv (NonTrainable, when the channels change) or
// prefix.pixelshuffle.conv_block.
func (u Upsample) Declare(d *Declaration, prefix string) {
	switch u.Mode {
	case Deconv, DeconvGroup:
		u.transposed().Declare(d, prefix+"."+u.Mode)
	case PixelShuffle:
		u.declareShuffled(d, prefix+".pixelshuffle.conv_block")
	case NonTrainable:
		if u.In != u.Out {
			u.mixed().Declare(d, prefix+".preconv")
		}
	}
}

// Apply enlarges x (N, In, X, Y, Z).
func (u Upsample) Apply(g nn.Graph, x nn.Value, prefix string) nn.Value {
	switch u.Mode {
	case Deconv, DeconvGroup:
		return u.transposed().Apply(g, x, prefix+"."+u.Mode)
	case PixelShuffle:
		x = u.shuffled().Apply(g, x, prefix+".pixelshuffle.conv_block")
		return smooth(g, shuffle(g, x, u.Out, u.Scale), u.Scale)
	case NonTrainable:
		if u.In != u.Out {
			x = u.mixed().Apply(g, x, prefix+".preconv")
		}
		return g.Apply(nn.Resize{Mode: nn.ResizeTrilinear, Scale: u.Scale}, x)
	default:
		return g.Fail(fmt.Errorf("%w: unknown upsample_mode %q", nn.ErrOp, u.Mode))
	}
}

func (u Upsample) transposed() ConvTranspose {
	c := ConvTranspose{In: u.In, Out: u.Out, Kernel: u.Kernel, Stride: u.Scale, Bias: u.Bias}
	if c.Kernel == [3]int{} {
		c.Kernel = c.Stride
	}
	if u.Mode == DeconvGroup && u.In%u.Out == 0 {
		c.Groups = u.Out
	}
	return c
}

func (u Upsample) shuffled() Conv {
	return Conv{In: u.In, Out: u.Out * Volume(u.Scale), Kernel: Cube(3), Bias: u.Bias}
}

// declareShuffled adds the convolution's parameters. All voxels that one channel
// becomes start with the same weights, so that an untrained network does not
// draw a chequered pattern (Aitken et al. 2017).
func (u Upsample) declareShuffled(d *Declaration, prefix string) {
	c := u.shuffled()
	fanIn := u.In * Volume(c.Kernel)
	alike := nn.KaimingNormal(fanIn, 0)
	alike.Repeat = Volume(u.Scale)
	d.Add(prefix+".weight", nn.Shape{c.Out, c.In, c.Kernel[0], c.Kernel[1], c.Kernel[2]}, alike)
	if c.Bias {
		d.Add(prefix+".bias", nn.Shape{c.Out}, nn.KaimingUniform(fanIn))
	}
}

func (u Upsample) mixed() Conv {
	return Conv{In: u.In, Out: u.Out, Kernel: Cube(1), Bias: u.Bias}
}

// shuffle turns channels into voxels: channel c·s³ + (i·s + j)·s + k becomes
// channel c at the places (i, j, k) of blocks of s×s×s voxels (Shi et al. 2016).
func shuffle(g nn.Graph, x nn.Value, channels int, s [3]int) nn.Value {
	size := [3]int{x.Dim(2), x.Dim(3), x.Dim(4)}
	x = nn.View(g, x, 0, channels, s[0], s[1], s[2], size[0], size[1], size[2])
	x = nn.Transpose(g, x, 0, 1, 5, 2, 6, 3, 7, 4)
	return nn.View(g, x, 0, channels, s[0]*size[0], s[1]*size[1], s[2]*size[2])
}

// smooth averages each voxel with those before it, zeros outside the volume, so
// that shuffled voxels do not show as a chequered pattern (Aitken et al. 2017).
func smooth(g nn.Graph, x nn.Value, s [3]int) nn.Value {
	before := []int{0, 0, s[0] - 1, s[1] - 1, s[2] - 1}
	x = g.Apply(nn.Pad{Before: before, After: make([]int, len(before))}, x)
	return g.Apply(nn.Pool{Function: nn.PoolAverage, Kernel: s, Stride: Cube(1)}, x)
}
