package swinunetr

import (
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
)

// Forward describes the network: image (N, in_channels, X, Y, Z) to logits
// (N, out_channels, X, Y, Z). Spatial sizes must be multiples of 32; others are
// refused with adapter.ErrSize.
//
// MONAI refuses 32×32×32 voxels when it normalises by instance, since the
// coarsest level has a single voxel then. Here such a voxel is normalised to 0,
// which leaves that level to its shortcut.
func (m *Model) Forward(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
	if err := adapter.CheckSize(m.Config(), in.Image.Shape()); err != nil {
		return nn.Outputs{}, err
	}
	features := m.transformer(g, in.Image)
	e, d := encoders(m.options), decoders(m.options)
	encode := func(r residual, x nn.Value) nn.Value {
		return g.Segment(r.name, func() nn.Value { return r.apply(g, x, r.name+".layer") })
	}
	decode := func(r residual, x, skip nn.Value) nn.Value {
		return g.Segment(r.name, func() nn.Value {
			x := r.enlarge().Apply(g, x, r.name+".transp_conv.conv")
			return r.apply(g, nn.Join(g, 1, x, skip), r.name+".conv_block")
		})
	}
	// Each encoder runs just before its result is needed: fewer are held at once.
	x := decode(d[0], encode(e[4], features[4]), features[3])
	x = decode(d[1], x, encode(e[3], features[2]))
	x = decode(d[2], x, encode(e[2], features[1]))
	x = decode(d[3], x, encode(e[1], features[0]))
	x = decode(d[4], x, encode(e[0], in.Image))
	return nn.Outputs{Logits: g.Segment("out", func() nn.Value { return head(m.options).Apply(g, x, headName) })}, nil
}
