// The profile "puts": new keys and overwritten ones in one top-level bucket, nothing deleted. bbolt gives
// the same bytes for it each time.

package main

import (
	"encoding/binary"
)

// putter makes the operations of the profile.
type putter struct {
	*script
	pageSize int
	path     string
	style    int
	counter  uint64
	keys     []string
}

// The orders in which new keys come.
const (
	ascending = iota
	descending
	scattered
	alternating
	styleCount
)

func putsWorkload(s *script, options scriptOptions, ops int) error {
	p := newPutter(s, options.pageSize)
	s.add("begin")
	s.add("create", p.path)
	if s.chance(50) {
		s.add("commit")
		s.add("begin")
	}
	for ops > 0 {
		count := p.transactionLen(ops)
		p.puts(count)
		ops -= count
		p.endTransaction()
		if ops > 0 {
			s.add("begin")
		}
	}
	return nil
}

func newPutter(s *script, pageSize int) *putter {
	return &putter{script: s, pageSize: pageSize, path: formatBytes(s.text(s.between(1, 12))),
		style: s.below(styleCount)}
}

// transactionLen answers how many operations the next transaction has.
func (p *putter) transactionLen(left int) int {
	count := p.between(1, 25)
	if p.chance(6) {
		count = p.between(100, 400)
	}
	if count > left {
		count = left
	}
	return count
}

func (p *putter) puts(count int) {
	for ; count > 0; count-- {
		p.put()
	}
}

// put adds one operation and notes its key.
func (p *putter) put() {
	key := ""
	if len(p.keys) > 0 && p.chance(20) {
		key = p.keys[p.below(len(p.keys))]
	} else {
		key = formatBytes(p.newKey())
		p.keys = append(p.keys, key)
	}
	if p.chance(2) {
		p.addPutLen(p.path, key, p.overflowLen(p.pageSize))
		return
	}
	p.add("put", p.path, key, p.value(p.valueLen(p.pageSize)))
}

func (p *putter) newKey() []byte {
	if p.chance(1) {
		length := p.between(p.pageSize/4, p.pageSize+p.pageSize/2)
		if length > maxKeyLen {
			length = maxKeyLen
		}
		return p.text(length)
	}
	p.counter++
	style := p.style
	if style == alternating {
		style = int(p.counter/40) % alternating
	}
	switch style {
	case ascending:
		return binary.BigEndian.AppendUint64(nil, p.counter)
	case descending:
		return binary.BigEndian.AppendUint64(nil, ^p.counter)
	default:
		return p.text(p.between(3, 20))
	}
}

// endTransaction commits, and at times adds what must leave no trace: a transaction rolled back, an empty
// one (which frees and writes the list), a reopening.
func (p *putter) endTransaction() {
	p.add("commit")
	if p.chance(4) {
		p.add("begin")
		known := len(p.keys)
		p.puts(p.between(1, 20))
		p.keys = p.keys[:known]
		p.add("rollback")
	}
	if p.chance(2) {
		p.add("begin")
		p.add("commit")
	}
	if p.chance(4) {
		p.add("reopen")
	}
}
