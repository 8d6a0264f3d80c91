// Whether a file is sound: the structure check, then bbolt's own Tx.Check.
//
// Tx.Check works in goroutines of its own, where a panic ends the process. On a file in which the structure
// check found nothing it runs here; on any other it runs in a child process, whose death is one more problem.

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
)

// What a child may use: a damaged header can send Tx.Check through a thousand million pages.
const (
	childTimeout = 20 * time.Second
	childStack   = 32 << 20
	childMemory  = 256 << 20
)

// check answers the problems of a file, one a line; none means that it is sound.
func check(path string) []string {
	db, err := openReadOnly(path)
	if err != nil {
		return []string{oneLine("open: " + err.Error())}
	}
	defer closeDB(db)
	raw, err := openRaw(path)
	if err != nil {
		return []string{oneLine("open: " + err.Error())}
	}
	defer raw.close()
	if problems := checkStructure(raw).problems; len(problems) > 0 {
		return append(problems, txCheckInChild(path)...)
	}
	return txCheck(db)
}

// txCheck runs Tx.Check and answers its messages.
func txCheck(db *bolt.DB) []string {
	var problems []string
	omitted := 0
	err := guard(func() error {
		return db.View(func(tx *bolt.Tx) error {
			for err := range tx.Check() {
				if len(problems) < maxProblems {
					problems = append(problems, oneLine("Tx.Check: "+err.Error()))
				} else {
					omitted++
				}
			}
			return nil
		})
	})
	if err != nil {
		problems = append(problems, oneLine("Tx.Check: "+err.Error()))
	}
	if omitted > 0 {
		problems = append(problems, fmt.Sprintf("Tx.Check: and %d more", omitted))
	}
	return problems
}

// txCheckInChild runs the request txcheck in a process of its own.
func txCheckInChild(path string) []string {
	ctx, cancel := context.WithTimeout(context.Background(), childTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	program, err := os.Executable()
	if err != nil {
		return []string{oneLine("Tx.Check: " + err.Error())}
	}
	child := exec.CommandContext(ctx, program, "txcheck", path)
	child.Stdout, child.Stderr = &stdout, &stderr
	err = child.Run()
	problems := nonEmptyLines(stdout.String())
	if ctx.Err() != nil {
		return append(problems, "Tx.Check: no end after "+childTimeout.String())
	}
	if err != nil && child.ProcessState.ExitCode() != exitProblems {
		cause := append(nonEmptyLines(stderr.String()), err.Error())
		problems = append(problems, "Tx.Check: died: "+cause[0])
	}
	return problems
}

// txCheckRequest is the child's side: Tx.Check and nothing else, with little stack and memory so that it ends
// soon.
func txCheckRequest(args []string) ([]string, error) {
	debug.SetMaxStack(childStack)
	limit := syscall.Rlimit{Cur: childMemory, Max: childMemory}
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &limit); err != nil {
		return nil, err
	}
	db, err := openReadOnly(args[0])
	if err != nil {
		return []string{oneLine("open: " + err.Error())}, nil
	}
	defer closeDB(db)
	return txCheck(db), nil
}

func nonEmptyLines(text string) []string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
