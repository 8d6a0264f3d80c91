// The workload script: its lines, and the byte strings in them. PROTOCOL.txt describes the language.

package main

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// operation is one line of a script, split into words.
type operation struct {
	line int
	name string
	args []string
}

// parseScript splits a script into operations. Blank lines and those that begin with # say nothing.
func parseScript(text string) ([]operation, error) {
	var list []operation
	for i, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		list = append(list, operation{line: i + 1, name: words[0], args: words[1:]})
	}
	if len(list) == 0 || list[0].name != "open" {
		return nil, fmt.Errorf("a script begins with the line of options: open ..")
	}
	return list, nil
}

// parseOptions reads the words of the line "open".
func parseOptions(words []string) (bolt.Options, error) {
	options := bolt.Options{Timeout: lockTimeout, FreelistType: bolt.FreelistArrayType}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		if err := setOption(&options, name, value); err != nil {
			return options, err
		}
	}
	return options, nil
}

func setOption(options *bolt.Options, name, value string) (err error) {
	switch name {
	case "pagesize":
		options.PageSize, err = strconv.Atoi(value)
	case "freelist":
		options.FreelistType = bolt.FreelistType(value)
		if value != "array" && value != "hashmap" {
			err = fmt.Errorf("unknown freelist %q", value)
		}
	case "nofreelistsync":
		options.NoFreelistSync, err = strconv.ParseBool(value)
	case "nosync":
		options.NoSync, err = strconv.ParseBool(value)
		options.NoGrowSync = options.NoSync
	default:
		err = fmt.Errorf("unknown option %q", name)
	}
	return err
}

// parseBytes reads a byte string: hex, or - for an empty one.
func parseBytes(word string) ([]byte, error) {
	if word == "-" {
		return []byte{}, nil
	}
	return hex.DecodeString(word)
}

func formatBytes(b []byte) string {
	if len(b) == 0 {
		return "-"
	}
	return hex.EncodeToString(b)
}

// parsePath reads the names of a bucket's path; the root bucket is the empty path.
func parsePath(word string) ([][]byte, error) {
	if word == "." {
		return nil, nil
	}
	var names [][]byte
	for _, part := range strings.Split(word, "/") {
		name, err := parseBytes(part)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

func formatPath(names ...[]byte) string {
	if len(names) == 0 {
		return "."
	}
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = formatBytes(name)
	}
	return strings.Join(words, "/")
}
