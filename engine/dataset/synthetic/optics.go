package synthetic

import (
	"math"
	"math/rand/v2"
)

// Optics are the properties of one imaging session, drawn per volume.
type Optics struct {
	PSFLateral     float64 `json:"psf_sigma_lateral_um"`
	PSFAxial       float64 `json:"psf_sigma_axial_um"`
	Attenuation    float64 `json:"attenuation_length_um"` // the signal falls to 1/e over this depth
	Absorption     float64 `json:"blood_absorption_per_um"`
	Background     float64 `json:"background"` // relative to a vessel's brightness
	Haze           float64 `json:"haze"`       // share of light that scatters
	PeakPhotons    float64 `json:"peak_photons"`
	Gain           float64 `json:"gain"` // grey values a photon
	Offset         float64 `json:"offset"`
	ReadNoise      float64 `json:"read_noise"`           // standard deviation in grey values
	Specks         int     `json:"specks"`               // bright points in the tissue
	ShadowSpread   float64 `json:"shadow_spread_um"`     // a shadow's widening in a slice
	HazeSpread     float64 `json:"haze_sigma_um"`        // how far scattered light goes
	TextureSpread  float64 `json:"background_sigma_um"`  // size of the background's clouds
	TextureRelieve float64 `json:"background_variation"` // their standard deviation, relative
}

// drawOptics draws a session between a good and a mediocre one.
func drawOptics(rng *rand.Rand, micrometres3 float64) Optics {
	between := func(low, high float64) float64 { return low + (high-low)*rng.Float64() }
	lateral := between(0.45, 0.7)
	return Optics{
		PSFLateral:     lateral,
		PSFAxial:       lateral * between(2.6, 3.2),
		Attenuation:    between(120, 240),
		Absorption:     between(0.015, 0.03),
		Background:     between(0.08, 0.14),
		Haze:           between(0.08, 0.16),
		PeakPhotons:    between(30, 60),
		Gain:           between(14, 22),
		Offset:         between(60, 140),
		ReadNoise:      between(8, 20),
		Specks:         int(micrometres3 / 50_000),
		ShadowSpread:   0.7,
		HazeSpread:     7,
		TextureSpread:  9,
		TextureRelieve: 0.25,
	}
}

// image forms what the microscope records of a canvas, in grey values.
func image(rng *rand.Rand, c *canvas, o Optics) []float32 {
	light := c.light(rng, o)
	c.shade(light, o)
	for axis, sigma := range [3]float64{o.PSFLateral, o.PSFLateral, o.PSFAxial} {
		blur(light, c.shape, axis, sigma/c.spacing[axis])
	}
	slice := c.shape[0] * c.shape[1]
	for i, v := range light {
		depth := float64(i/slice) * c.spacing[2]
		photons := o.PeakPhotons * math.Exp(-depth/o.Attenuation) * float64(v)
		grey := o.Offset + o.Gain*float64(poisson(rng, photons)) + o.ReadNoise*rng.NormFloat64()
		light[i] = float32(math.RoundToEven(min(4095, max(0, grey))))
	}
	return light
}

// light is the fluorescence before the optics: dye in vessels, tissue with its
// clouds and specks, and the haze of scattered light.
func (c *canvas) light(rng *rand.Rand, o Optics) []float32 {
	clouds := c.clouds(rng, o.TextureSpread)
	haze := append([]float32(nil), c.dye...)
	for axis := range 3 {
		blur(haze, c.shape, axis, o.HazeSpread/c.spacing[axis])
	}
	light := make([]float32, len(c.dye))
	for i, dye := range c.dye {
		tissue := o.Background * math.Max(0.1, 1+o.TextureRelieve*float64(clouds[i]))
		light[i] = dye + (1-c.cover[i])*float32(tissue) + float32(o.Haze)*haze[i]
	}
	c.specks(rng, light, o)
	return light
}

// clouds gives smooth noise of mean about 0 and standard deviation 1.
func (c *canvas) clouds(rng *rand.Rand, sigma float64) []float32 {
	v := make([]float32, len(c.dye))
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	for axis := range 3 {
		blur(v, c.shape, axis, sigma/c.spacing[axis])
	}
	sum, squares := 0.0, 0.0
	for _, x := range v {
		sum += float64(x)
		squares += float64(x) * float64(x)
	}
	n := float64(len(v))
	mean := sum / n
	deviation := math.Sqrt(max(1e-12, squares/n-mean*mean))
	for i := range v {
		v[i] = float32((float64(v[i]) - mean) / deviation)
	}
	return v
}

// specks adds bright points (lipofuscin, stray dye) outside vessels.
func (c *canvas) specks(rng *rand.Rand, light []float32, o Optics) {
	for range o.Specks {
		i := rng.IntN(len(light))
		strength := float32(5 + 15*rng.Float64())
		if c.cover[i] == 0 {
			light[i] += strength
		}
	}
}

// shade darkens what lies below vessels. The shadow of a slice is that of the
// slice above, a little wider, and what that slice adds.
func (c *canvas) shade(light []float32, o Optics) {
	slice := c.shape[0] * c.shape[1]
	path := make([]float32, slice) // µm of blood above
	flat := [3]int{c.shape[0], c.shape[1], 1}
	for z := range c.shape[2] {
		at := z * slice
		for i := range path {
			light[at+i] *= float32(math.Exp(-o.Absorption * float64(path[i])))
		}
		for i := range path {
			path[i] += c.cover[at+i] * float32(c.spacing[2])
		}
		blur(path, flat, 0, o.ShadowSpread/c.spacing[0])
		blur(path, flat, 1, o.ShadowSpread/c.spacing[1])
	}
}
