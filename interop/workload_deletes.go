// The profile "deletes": puts, then deletes, in one top-level bucket, with at most one leaf a transaction
// that bbolt merges or removes. More than one, and its bytes differ from run to run, since it rebalances nodes in
// map order. (The one merge may go on to the parents: a chain with one order.)
//
// The generator knows what bbolt will do because it runs the script as it writes it, and looks at the leaves
// of the last commit before each transaction. What bbolt's statistics say is held against it.

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

type deleter struct {
	*putter
	runner *runner
	done   int
	bucket []byte
	shape  *shape
	ops    int
	merges int
}

func deletesWorkload(s *script, options scriptOptions, ops int) error {
	if options.freelist != "array" {
		return errors.New("the profile wants the array freelist")
	}
	dir, err := os.MkdirTemp("", "oracle-deletes-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d := &deleter{putter: newPutter(s, options.pageSize), ops: ops}
	d.runner = &runner{path: filepath.Join(dir, "model.db")}
	defer d.runner.abandon()
	if d.bucket, err = parseBytes(d.path); err != nil {
		return err
	}
	return d.generate()
}

// generate puts for half of the operations, then deletes: about as often, or until nothing is left.
func (d *deleter) generate() error {
	d.add("begin")
	d.add("create", d.path)
	d.add("commit")
	for d.ops = d.ops / 2; d.ops > 0; {
		d.add("begin")
		count := d.transactionLen(d.ops)
		d.puts(count)
		d.ops -= count
		d.endTransaction()
	}
	d.ops = strings.Count(strings.Join(d.lines, "\n"), "\nput")
	if d.chance(50) {
		d.ops *= 3
	}
	for d.ops > 0 && !d.empty() {
		if err := d.transaction(); err != nil {
			return err
		}
	}
	d.lines = append(d.lines, "# merges "+strconv.Itoa(d.merges))
	return nil
}

// follow runs the lines added since the last call.
func (d *deleter) follow() error {
	for ; d.done < len(d.lines); d.done++ {
		words := strings.Fields(d.lines[d.done])
		if err := d.runner.run(operation{name: words[0], args: words[1:]}); err != nil {
			return fmt.Errorf("%.80s: %v", d.lines[d.done], err)
		}
	}
	return nil
}

// transaction adds one transaction that deletes, and holds bbolt's statistics against what was planned.
func (d *deleter) transaction() (err error) {
	if err := d.follow(); err != nil {
		return err
	}
	if d.shape, err = readShape(d.runner.path, d.bucket); err != nil {
		return err
	}
	d.add("begin")
	if d.chance(70) {
		d.drain()
	}
	if d.chance(50) {
		d.thin()
	}
	if d.chance(15) {
		d.refill()
	}
	d.ops--
	deleted, merging := d.shape.counts()
	d.add("commit")
	if d.chance(4) {
		d.add("reopen")
	}
	if err := d.follow(); err != nil {
		return err
	}
	d.merges += merging
	return verifyPlan(d.runner.lastStats.Rebalance, deleted, merging)
}

// verifyPlan holds the number of nodes that bbolt rebalanced against the plan. Each leaf that lost keys is
// counted once, except one that the merging leaf swallowed first; a merge counts its parent besides.
func verifyPlan(rebalanced, deleted, merging int) error {
	if merging > 1 || merging == 0 && rebalanced != deleted || rebalanced < deleted {
		return fmt.Errorf("bbolt rebalanced %d nodes, but %d leaves lost keys and %d should merge",
			rebalanced, deleted, merging)
	}
	return nil
}

// empty says that the last transaction left no key.
func (d *deleter) empty() bool {
	return d.shape != nil && len(d.shape.leaves) == 1 && len(d.shape.leaves[0].sizes) == 0
}

// drain deletes from one leaf, mostly until it is underfull, at times until it is empty.
func (d *deleter) drain() {
	leaf := d.shape.leaves[d.below(len(d.shape.leaves))]
	keys := leaf.keys()
	if d.chance(50) {
		for i, j := 0, len(keys)-1; i < j; i, j = i+1, j-1 {
			keys[i], keys[j] = keys[j], keys[i]
		}
	}
	left := 0
	if d.chance(60) {
		left = d.below(len(keys) + 1)
	}
	for _, key := range keys[:len(keys)-left] {
		d.delete(key)
	}
}

// thin deletes a few keys anywhere.
func (d *deleter) thin() {
	for count := d.between(1, 20); count > 0; count-- {
		keys := d.shape.leaves[d.below(len(d.shape.leaves))].keys()
		if len(keys) > 0 {
			d.delete(keys[d.below(len(keys))])
		}
	}
}

// refill puts a few new keys into the transaction that deletes.
func (d *deleter) refill() {
	for count := d.between(1, 8); count > 0; count-- {
		key, length := string(d.text(d.between(3, 20))), d.valueLen(d.pageSize)
		if d.attempt(key, func(leaf *leafShape) { leaf.put(key, length) }) {
			d.add("put", d.path, formatBytes([]byte(key)), d.value(length))
		}
	}
}

func (d *deleter) delete(key string) {
	ok := d.attempt(key, func(leaf *leafShape) {
		leaf.remove(key)
		leaf.deleted = true
	})
	if ok {
		d.add("del", d.path, formatBytes([]byte(key)))
		d.ops--
	}
}

// attempt changes the leaf of a key, and takes the change back if a second leaf would merge.
func (d *deleter) attempt(key string, change func(leaf *leafShape)) bool {
	leaf := d.shape.leafOf(key)
	before := leaf.clone()
	change(leaf)
	if _, merging := d.shape.counts(); merging > 1 {
		*leaf = before
		return false
	}
	return true
}
