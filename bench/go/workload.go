// The data of every workload, in the words of src/workload.rs: keys, values and orders as pure functions of a number.

package main

import (
	"encoding/binary"
	"math/bits"
)

const (
	keyLen       = 16
	variedLenMax = 4096
	poolSpread   = 1 << 16
)

// mix is the finalizer of splitmix64.
func mix(number uint64) uint64 {
	z := number + 0x9E3779B97F4A7C15
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

func scale(a, b uint64) uint64 {
	high, _ := bits.Mul64(a, b)
	return high
}

// keys are the keys 0 to count-1, in ascending order of their index.
type keys struct {
	count, stride uint64
	decimal       bool
}

func newKeys(count uint64, decimal bool) keys {
	divisor := count
	if divisor == 0 {
		divisor = 1
	}
	return keys{count, ^uint64(0) / divisor, decimal}
}

func (k *keys) key(index uint64, key *[keyLen]byte) {
	if k.decimal {
		rest := index
		for i := keyLen - 1; i >= 0; i-- {
			key[i] = '0' + byte(rest%10)
			rest /= 10
		}
		return
	}
	binary.BigEndian.PutUint64(key[:8], index*k.stride+scale(mix(index), k.stride))
	binary.BigEndian.PutUint64(key[8:], mix(index^0x5851F42D4C957F2D))
}

// draw is the index of the step-th random draw of a stream.
func (k *keys) draw(seed, step uint64) uint64 {
	return scale(mix(seed*0xD1342543DE82EF95+step), k.count)
}

// shuffled is the index at the step-th place of a random order of all indexes.
func (k *keys) shuffled(seed, step uint64) uint64 {
	width := bits.Len64(k.count - 1)
	if width < 2 {
		width = 2
	}
	halfBits := uint((width + 1) / 2)
	mask := uint64(1)<<halfBits - 1
	index := step
	for {
		left, right := index>>halfBits, index&mask
		for round := uint64(0); round < 4; round++ {
			left, right = right, left^(mix(right^(seed<<32)^(round<<56))&mask)
		}
		index = left<<halfBits | right
		if index < k.count {
			return index
		}
	}
}

func tag(index uint64) uint64 {
	return mix(index ^ 0xA0761D6478BD642F)
}

// values makes values. bbolt keeps the slice that it is given until the commit, so each value is a new one, but for
// the long ones, which go to a transaction each.
type values struct {
	pool, long []byte
	length     int
}

func newValues(length int) *values {
	v := &values{length: length}
	var word [8]byte
	for n := uint64(0); len(v.pool) < length+poolSpread; n++ {
		binary.LittleEndian.PutUint64(word[:], mix(n^0xE7037ED1A0B428DB))
		v.pool = append(v.pool, word[:]...)
	}
	if length > variedLenMax {
		v.long = append([]byte(nil), v.pool[:length]...)
	}
	return v
}

func (v *values) value(index, version uint64) []byte {
	value, tag := v.long, tag(index)
	if value == nil {
		offset := mix(tag^version) % poolSpread &^ 7
		value = make([]byte, v.length)
		copy(value, v.pool[offset:])
	}
	var head [16]byte
	binary.LittleEndian.PutUint64(head[:8], tag)
	binary.LittleEndian.PutUint64(head[8:], version)
	copy(value, head[:])
	return value
}

func word(data []byte, offset int) uint64 {
	if offset < 0 || offset+8 > len(data) {
		return 0
	}
	return binary.LittleEndian.Uint64(data[offset:])
}

func entrySum(key, value []byte) uint64 {
	return word(key, 0) ^ word(key, 8)*3 ^ bits.RotateLeft64(valueSum(value), 32)
}

func valueSum(value []byte) uint64 {
	sum := word(value, 0) ^ word(value, 8)*5 ^ word(value, len(value)-8)*7 ^ uint64(len(value))
	for offset := variedLenMax; offset < len(value); offset += variedLenMax {
		sum += word(value, offset)
	}
	return sum
}
