// The logical content of a file as lines of JSON, parents first and keys in order, as bbolt reads it:
// {"p":[bucket names],"seq":N} for a bucket and {"p":[..],"k":key,"v":value} for a pair, all bytes in hex.

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// dump answers the lines of a file's content.
func dump(path string) ([]string, error) {
	var lines []string
	err := view(path, func(tx *bolt.Tx) error {
		lines = dumpBucket(nil, tx.Cursor().Bucket(), "")
		return nil
	})
	return lines, err
}

// digest answers the sha256 of the dump, each line ended by a newline, in hex.
func digest(path string) (string, error) {
	lines, err := dump(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, line := range lines {
		h.Write([]byte(line))
		h.Write([]byte{'\n'})
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// dumpBucket appends the content of a bucket; names are those of the bucket, as a list in JSON.
func dumpBucket(lines []string, b *bolt.Bucket, names string) []string {
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		child := (*bolt.Bucket)(nil)
		if v == nil {
			child = b.Bucket(k)
		}
		if child == nil {
			lines = append(lines, pairLine(names, k, v))
			continue
		}
		path := joinName(names, k)
		lines = append(lines, `{"p":[`+path+`],"seq":`+strconv.FormatUint(child.Sequence(), 10)+`}`)
		lines = dumpBucket(lines, child, path)
	}
	return lines
}

func pairLine(names string, key, value []byte) string {
	var line strings.Builder
	line.Grow(len(names) + 2*len(key) + 2*len(value) + 24)
	line.WriteString(`{"p":[`)
	line.WriteString(names)
	line.WriteString(`],"k":"`)
	line.WriteString(hex.EncodeToString(key))
	line.WriteString(`","v":"`)
	line.WriteString(hex.EncodeToString(value))
	line.WriteString(`"}`)
	return line.String()
}

func joinName(names string, name []byte) string {
	quoted := `"` + hex.EncodeToString(name) + `"`
	if names == "" {
		return quoted
	}
	return names + "," + quoted
}
