// Package synthetic makes datasets of vessel volumes whose truth is known:
// branching trees are grown in space, drawn into labels, and imaged as a
// two-photon microscope would. It writes MiniVess's layout (raw/ seg/ json/)
// and knows nothing of the catalogue.
//
// # Trees
//
// A tree enters from a face of the volume and grows by branches. A branch is a
// chain of nodes, each a position and a radius in micrometres; the radius
// falls by a tenth along the branch and the direction wanders with a curvature
// that is larger for thinner vessels. At a bifurcation the children's first
// radii obey Murray's law, r³ = r₁³ + r₂³, and the angles are those that
// minimise pumping work (C. D. Murray 1926, PNAS 12:207 and J. Gen. Physiol.
// 9:835). Vessels keep a distance from each other.
//
// # Labels
//
// A voxel is vessel (1) exactly if its centre p lies within a segment of a
// centreline: for a segment from a to b with radii ra and rb, and t the
// position of p's projection on it, clamped to 0…1, if |p − (a+t(b−a))| ≤
// ra+t(rb−ra). Voxel (i, j, k) has its centre at (i·sx, j·sy, k·sz), which is
// also what the NIfTI affine says. The least radius is more than half a
// voxel's diagonal, so labels contain every centreline and each tree is
// connected.
//
// # Images
//
// Dye fills the vessels, unevenly along them; tissue has a faint, slowly
// varying background with a few bright specks, and scattered light makes a haze
// around vessels. Blood casts shadows that widen with depth, the signal falls
// exponentially with depth, an anisotropic Gaussian stands for the point spread
// function (axially about three times worse), and photons and electronics add
// Poisson and Gaussian noise. Values are int16 in 0…4095.
//
// Everything follows from the seed: the same request gives the same bytes (on
// the same processor architecture).
package synthetic
