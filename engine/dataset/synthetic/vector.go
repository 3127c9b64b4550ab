package synthetic

import "math"

// vec is a position or direction in micrometres.
type vec [3]float64

func (a vec) add(b vec) vec       { return vec{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }
func (a vec) sub(b vec) vec       { return vec{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }
func (a vec) scale(s float64) vec { return vec{a[0] * s, a[1] * s, a[2] * s} }
func (a vec) dot(b vec) float64   { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
func (a vec) norm() float64       { return math.Sqrt(a.dot(a)) }
func (a vec) unit() vec           { return a.scale(1 / a.norm()) }
func (a vec) cross(b vec) vec {
	return vec{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

// normal gives a unit vector at right angles to a unit vector.
func (a vec) normal() vec {
	axis := vec{1}
	if math.Abs(a[0]) > 0.7 {
		axis = vec{0, 1}
	}
	return a.cross(axis).unit()
}

// tilt turns a unit vector by an angle, in the direction that phi says.
func (a vec) tilt(angle, phi float64) vec {
	u := a.normal()
	v := a.cross(u)
	side := u.scale(math.Cos(phi)).add(v.scale(math.Sin(phi)))
	return a.scale(math.Cos(angle)).add(side.scale(math.Sin(angle))).unit()
}
