// Generators of workload scripts. A script is valid: no operation in it fails. It depends on the seed, the
// number of operations, the profile and the options alone.

package main

import (
	"fmt"
	"strconv"
	"strings"
)

// script collects the lines of a workload.
type script struct {
	*rng
	lines []string
}

func (s *script) add(words ...string) { s.lines = append(s.lines, strings.Join(words, " ")) }

// profiles are the kinds of workload. Each adds about ops operations to a script that is open.
var profiles = map[string]func(s *script, options scriptOptions, ops int) error{
	"mixed":   mixedWorkload,
	"puts":    putsWorkload,
	"deletes": deletesWorkload,
}

// scriptOptions are the words of the line "open".
type scriptOptions struct {
	pageSize       int
	freelist       string
	noFreelistSync bool
	noSync         bool
}

func (o scriptOptions) words() []string {
	flag := map[bool]string{false: "0", true: "1"}
	return []string{
		"open",
		"pagesize=" + strconv.Itoa(o.pageSize),
		"freelist=" + o.freelist,
		"nofreelistsync=" + flag[o.noFreelistSync],
		"nosync=" + flag[o.noSync],
	}
}

// workload generates a script; given are words of the line "open" that the seed shall not choose.
func workload(seed uint64, ops int, profile string, given []string) ([]string, error) {
	generate, known := profiles[profile]
	if !known {
		return nil, fmt.Errorf("unknown profile %q", profile)
	}
	if ops < 1 || ops > 10_000_000 {
		return nil, fmt.Errorf("%d operations", ops)
	}
	s := &script{rng: newRng(seed)}
	options := s.chooseOptions(profile)
	if err := options.override(given); err != nil {
		return nil, err
	}
	s.add(options.words()...)
	if err := generate(s, options, ops); err != nil {
		return nil, err
	}
	return s.lines, nil
}

// chooseOptions takes options by the seed. Only mixed workloads vary the freelist: the others are there to
// compare bytes, which bbolt repeats with the array alone.
func (s *script) chooseOptions(profile string) scriptOptions {
	sizes := []int{1024, 1024, 1024, 2048, 4096, 4096}
	options := scriptOptions{freelist: "array", noSync: true}
	if profile == "mixed" {
		sizes = append(sizes, 8192, 16384, 32768, 65536)
		if s.chance(40) {
			options.freelist = "hashmap"
		}
		options.noFreelistSync = s.chance(25)
	}
	options.pageSize = sizes[s.below(len(sizes))]
	return options
}

func (o *scriptOptions) override(given []string) error {
	parsed, err := parseOptions(given)
	if err != nil {
		return err
	}
	for _, word := range given {
		switch name, _, _ := strings.Cut(word, "="); name {
		case "pagesize":
			o.pageSize = parsed.PageSize
		case "freelist":
			o.freelist = string(parsed.FreelistType)
		case "nofreelistsync":
			o.noFreelistSync = parsed.NoFreelistSync
		case "nosync":
			o.noSync = parsed.NoSync
		}
	}
	return nil
}

// valueLen answers the length of a value: mostly small, sometimes a good part of a page.
func (s *script) valueLen(pageSize int) int {
	switch roll := s.below(100); {
	case roll < 8:
		return 0
	case roll < 85:
		return s.between(1, 60)
	default:
		return s.between(60, pageSize/3)
	}
}

// overflowLen answers the length of a value that needs some pages of its own.
func (s *script) overflowLen(pageSize int) int { return s.between(pageSize/2, 4*pageSize) }

// value answers the word for a value of some length.
func (s *script) value(length int) string { return formatBytes(s.bytes(length)) }

// addPutLen adds a long value, given by its length and its byte.
func (s *script) addPutLen(path, key string, length int) {
	s.add("putlen", path, key, strconv.Itoa(length), formatBytes(s.bytes(1)))
}
