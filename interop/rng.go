// Pseudo-random numbers for the generators: splitmix64, written out here so that a seed means the same
// script and the same feature file under every release of Go.

package main

type rng struct{ state uint64 }

func newRng(seed uint64) *rng { return &rng{state: seed} }

func (r *rng) next() uint64 {
	r.state += 0x9E3779B97F4A7C15
	z := r.state
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

// below answers a number in [0, limit).
func (r *rng) below(limit int) int { return int(r.next() % uint64(limit)) }

// between answers a number in [low, high].
func (r *rng) between(low, high int) int { return low + r.below(high-low+1) }

// chance is true in percent of 100 cases.
func (r *rng) chance(percent int) bool { return r.below(100) < percent }

func (r *rng) bytes(length int) []byte {
	b := make([]byte, length)
	for i := range b {
		b[i] = byte(r.next() >> 24)
	}
	return b
}

// text answers length bytes of a small alphabet, so that keys share prefixes.
func (r *rng) text(length int) []byte {
	b := make([]byte, length)
	for i := range b {
		b[i] = "abcdefgh"[r.below(8)]
	}
	return b
}
