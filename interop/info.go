// What a file's metas and freelist say, as lines of "name value": for tests that must know that a file has
// the feature they are about.

package main

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// treeCount is what lies in a file: pages by type, buckets, the deepest tree and the deepest bucket.
type treeCount struct {
	branches, leaves, overflow, keys  int
	buckets, inline, height, nesting  int
	longestKey, longestRun, emptyRoot int
}

// info answers the lines for a readable file.
func info(path string) ([]string, error) {
	if err := requireReadable(path); err != nil {
		return nil, err
	}
	raw, err := openRaw(path)
	if err != nil {
		return nil, err
	}
	defer raw.close()
	freelist, free, err := freelistInfo(raw)
	if err != nil {
		return nil, err
	}
	var count treeCount
	if err := count.tree(raw, raw.meta.root, 1, 0); err != nil {
		return nil, err
	}
	lines := []string{
		fmt.Sprintf("page_size %d", raw.pageSize),
		fmt.Sprintf("file_len %d", raw.size),
		fmt.Sprintf("txid %d", raw.meta.txid),
		fmt.Sprintf("high_water %d", raw.meta.highWater),
		fmt.Sprintf("root %d", raw.meta.root),
		"freelist " + freelist,
		"free_count " + free,
		"meta0 " + metaState(raw, 0),
		"meta1 " + metaState(raw, 1),
	}
	return append(lines, count.lines()...), nil
}

func metaState(raw *rawFile, index int) string {
	if err := raw.metaErrs[index]; err != nil {
		return err.Error()
	}
	return "txid " + strconv.FormatUint(raw.metas[index].txid, 10)
}

// freelistInfo answers "page pages" and the number of free ids, both "none" without a list on disk.
func freelistInfo(raw *rawFile) (string, string, error) {
	if raw.meta.freelist == noFreelist {
		return "none", "none", nil
	}
	p, err := raw.run(raw.meta.freelist)
	if err != nil {
		return "", "", err
	}
	ids, err := p.freeIDs()
	if err != nil {
		return "", "", err
	}
	return fmt.Sprintf("%d %d", raw.meta.freelist, p.overflow+1), strconv.Itoa(len(ids)), nil
}

func (c *treeCount) lines() []string {
	return []string{
		fmt.Sprintf("branch_count %d", c.branches),
		fmt.Sprintf("leaf_count %d", c.leaves),
		fmt.Sprintf("overflow_count %d", c.overflow),
		fmt.Sprintf("longest_run %d", c.longestRun),
		fmt.Sprintf("key_count %d", c.keys),
		fmt.Sprintf("longest_key_len %d", c.longestKey),
		fmt.Sprintf("bucket_count %d", c.buckets),
		fmt.Sprintf("inline_count %d", c.inline),
		fmt.Sprintf("empty_root_count %d", c.emptyRoot),
		fmt.Sprintf("tree_height %d", c.height),
		fmt.Sprintf("bucket_depth %d", c.nesting),
	}
}

// tree counts a subtree; height is that of the page in its tree, nesting that of its bucket.
func (c *treeCount) tree(raw *rawFile, id uint64, height, nesting int) error {
	p, err := raw.run(id)
	if err != nil {
		return err
	}
	list, err := p.elements()
	if err != nil {
		return err
	}
	c.overflow += int(p.overflow)
	raise(&c.longestRun, int(p.overflow)+1)
	raise(&c.height, height)
	if p.flags == leafFlag {
		c.leaves++
		if len(list) == 0 {
			c.emptyRoot++
		}
		return c.leaf(raw, list, nesting)
	}
	c.branches++
	for _, e := range list {
		if err := c.tree(raw, e.child, height+1, nesting); err != nil {
			return err
		}
	}
	return nil
}

func (c *treeCount) leaf(raw *rawFile, list []rawElement, nesting int) error {
	for _, e := range list {
		raise(&c.longestKey, len(e.key))
		if e.flags != bucketElement {
			c.keys++
			continue
		}
		c.buckets++
		raise(&c.nesting, nesting+1)
		if err := c.bucket(raw, e.value, nesting+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *treeCount) bucket(raw *rawFile, value []byte, nesting int) error {
	if root := binary.LittleEndian.Uint64(value); root != 0 {
		return c.tree(raw, root, 1, nesting)
	}
	c.inline++
	p, err := inlinePage(value)
	if err != nil {
		return err
	}
	list, err := p.elements()
	if err != nil {
		return err
	}
	return c.leaf(raw, list, nesting)
}

func raise(most *int, value int) {
	if value > *most {
		*most = value
	}
}
