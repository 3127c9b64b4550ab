package cases

import "math"

// normal is the standard normal distribution function.
func normal(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// normalQuantile is its inverse; −Inf and +Inf at 0 and 1.
func normalQuantile(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }

// studentQuantile is the value below which Student's t with df degrees of
// freedom lies with chance p, for p of a half or more. It halves the interval
// that holds it until no number is left between.
func studentQuantile(p, df float64) float64 {
	low, high := 0.0, 1.0
	for student(high, df) < p {
		low, high = high, 2*high
	}
	for range 200 {
		middle := (low + high) / 2
		if middle == low || middle == high {
			break
		}
		if student(middle, df) < p {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// student is Student's t distribution function for t ≥ 0 and whole degrees of
// freedom, as the finite trigonometric series (Abramowitz and Stegun 26.7.3–4).
func student(t, df float64) float64 {
	angle := math.Atan(t / math.Sqrt(df))
	sin, cos := math.Sincos(angle)
	n := int(df)
	term := math.Pow(cos, float64(n%2))
	sum := 0.0
	for k := n % 2; k <= n-2; k += 2 {
		sum += term
		term *= cos * cos * float64(k+1) / float64(k+2)
	}
	if n%2 == 1 {
		return 0.5 + (angle+sin*sum)/math.Pi
	}
	return 0.5 + sin*sum/2
}
