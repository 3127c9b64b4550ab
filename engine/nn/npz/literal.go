package npz

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/minivess/minivess/engine/nn"
)

// literal reads the few Python literals that headers have. The first error
// stays; what is read after it means nothing.
type literal struct {
	rest string
	err  error
}

func (p *literal) fail(wanted string) {
	if p.err == nil {
		p.err = fmt.Errorf("%s was expected before %q", wanted, p.rest[:min(20, len(p.rest))])
	}
}

// next is the next byte that is not a space, 0 at the end.
func (p *literal) next() byte {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if p.rest == "" {
		return 0
	}
	return p.rest[0]
}

// accept takes token if it comes next.
func (p *literal) accept(token string) bool {
	p.next()
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *literal) expect(token string) {
	if !p.accept(token) {
		p.fail(strconv.Quote(token))
	}
}

// text reads a string without escapes.
func (p *literal) text() string {
	quote := p.next()
	if quote != '\'' && quote != '"' {
		p.fail("a string")
		return ""
	}
	s, rest, ok := strings.Cut(p.rest[1:], string(quote))
	if !ok || strings.ContainsRune(s, '\\') {
		p.fail("a plain string")
		return ""
	}
	p.rest = rest
	return s
}

func (p *literal) boolean() bool {
	if p.accept("True") {
		return true
	}
	p.expect("False")
	return false
}

// shape reads a tuple of sizes.
func (p *literal) shape() nn.Shape {
	p.expect("(")
	shape := nn.Shape{}
	for p.err == nil && !p.accept(")") {
		n := 0
		for n < len(p.rest) && p.rest[n] >= '0' && p.rest[n] <= '9' {
			n++
		}
		size, err := strconv.ParseInt(p.rest[:n], 10, 64)
		if err != nil || size > math.MaxInt32 || len(shape) == maxAxes {
			p.fail(fmt.Sprintf("a size of at most %d axes", maxAxes))
			break
		}
		p.rest = strings.TrimPrefix(p.rest[n:], "L") // Python 2 wrote 3L
		shape = append(shape, int(size))
		if !p.accept(",") && p.next() != ')' {
			p.fail("a comma")
		}
	}
	return shape
}
