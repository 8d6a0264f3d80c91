// The requests, by name: what each takes, and the lines it answers.

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

var errUsage = errors.New("usage")

// request is one thing the oracle can be asked. Where problems is set, each line of the answer is one.
type request struct {
	least, most int
	problems    bool
	run         func(args []string) ([]string, error)
}

var requests = map[string]request{
	"check":    {1, 1, true, func(args []string) ([]string, error) { return check(args[0]), nil }},
	"txcheck":  {1, 1, true, txCheckRequest},
	"dump":     {1, 1, false, func(args []string) ([]string, error) { return dump(args[0]) }},
	"digest":   {1, 1, false, digestRequest},
	"info":     {1, 1, false, func(args []string) ([]string, error) { return info(args[0]) }},
	"stats":    {1, 1, false, func(args []string) ([]string, error) { return stats(args[0]) }},
	"apply":    {1, 3, false, applyRequest},
	"make":     {2, 3, false, makeRequest},
	"kinds":    {0, 0, false, func([]string) ([]string, error) { return kindNames(), nil }},
	"workload": {3, 7, false, workloadRequest},
}

// answer runs a request. A panic in it is an error like any other.
func answer(name string, args []string) (lines []string, err error) {
	r, known := requests[name]
	if !known {
		return nil, fmt.Errorf("%w: unknown request %q", errUsage, name)
	}
	if len(args) < r.least || len(args) > r.most {
		return nil, fmt.Errorf("%w: %s takes %d to %d arguments", errUsage, name, r.least, r.most)
	}
	err = guard(func() (err error) {
		lines, err = r.run(args)
		return err
	})
	return lines, err
}

func digestRequest(args []string) ([]string, error) {
	sum, err := digest(args[0])
	if err != nil {
		return nil, err
	}
	return []string{sum}, nil
}

// applyRequest reads the script from a file, or from stdin.
func applyRequest(args []string) ([]string, error) {
	var text []byte
	var err error
	if len(args) < 2 || args[1] == "-" {
		text, err = io.ReadAll(os.Stdin)
	} else {
		text, err = os.ReadFile(args[1])
	}
	if err != nil {
		return nil, err
	}
	snapshots := ""
	if len(args) == 3 {
		snapshots = args[2]
	}
	return apply(args[0], string(text), snapshots)
}

func makeRequest(args []string) ([]string, error) {
	seed := uint64(1)
	if len(args) == 3 {
		var err error
		if seed, err = strconv.ParseUint(args[2], 10, 64); err != nil {
			return nil, fmt.Errorf("%w: %v", errUsage, err)
		}
	}
	return nil, makeFile(args[0], args[1], seed)
}

func workloadRequest(args []string) ([]string, error) {
	seed, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errUsage, err)
	}
	ops, err := strconv.Atoi(args[1])
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errUsage, err)
	}
	return workload(seed, ops, args[2], args[3:])
}
