// The statistics of each bucket, as bbolt counts them, in lines of JSON.

package main

import (
	"encoding/json"

	bolt "go.etcd.io/bbolt"
)

// stats answers a line for each bucket of a file, the root bucket's first, in the order of the dump.
func stats(path string) ([]string, error) {
	var lines []string
	err := view(path, func(tx *bolt.Tx) (err error) {
		lines, err = statsOf(nil, tx.Cursor().Bucket(), "")
		return err
	})
	return lines, err
}

// statsOf appends the lines of a bucket and of those in it; names are those of the bucket, as a list in JSON.
func statsOf(lines []string, b *bolt.Bucket, names string) ([]string, error) {
	numbers, err := json.Marshal(b.Stats())
	if err != nil {
		return nil, err
	}
	lines = append(lines, `{"p":[`+names+`],"stats":`+string(numbers)+`}`)
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if v != nil {
			continue
		}
		if child := b.Bucket(k); child != nil {
			if lines, err = statsOf(lines, child, joinName(names, k)); err != nil {
				return nil, err
			}
		}
	}
	return lines, nil
}
