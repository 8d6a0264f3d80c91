// The oracle: Go's bbolt 1.3.6, asked by libbolt's tests. PROTOCOL.txt describes the requests, which are the
// same on the command line and in the server, and the language of the scripts.

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
)

const (
	exitProblems = 1
	exitUsage    = 2
)

const usage = `usage: oracle REQUEST [ARGUMENT ..]
  check FILE                         problems, one a line; exit 1 if there are any
  dump FILE                          the content as lines of JSON
  digest FILE                        sha256 of the dump
  info FILE                          what metas, freelist and trees look like
  stats FILE                         bbolt's statistics of each bucket, as lines of JSON
  apply FILE [SCRIPT|- [SNAPDIR]]    run a workload script (from stdin)
  make KIND FILE [SEED]              write a feature file
  kinds                              the kinds of feature files
  workload SEED OPS PROFILE [NAME=VALUE ..]   print a script (mixed, puts, deletes)
  serve                              answer requests on stdin`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(exitUsage)
	}
	name, args := os.Args[1], os.Args[2:]
	if name == "serve" {
		if err := serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "oracle:", err)
			os.Exit(exitProblems)
		}
		return
	}
	lines, err := answer(name, args)
	out := bufio.NewWriter(os.Stdout)
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		if errors.Is(err, errUsage) {
			fmt.Fprintln(os.Stderr, usage)
			os.Exit(exitUsage)
		}
		os.Exit(exitProblems)
	}
	if requests[name].problems && len(lines) > 0 {
		os.Exit(exitProblems)
	}
}
