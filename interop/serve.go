// The server: a request a line, an answer of "ok N" and N lines, or "error" and a message; a line with a
// single dot ends each answer. Tests ask it thousands of questions without a process for each.

package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// serve answers requests until the input ends, and lets go of a file that is still held.
func serve(in io.Reader, out io.Writer) error {
	reader, writer := bufio.NewReader(in), bufio.NewWriter(out)
	var held holder
	defer func() {
		if held.db != nil {
			_ = held.release()
		}
	}()
	for {
		line, err := reader.ReadString('\n')
		if err == io.EOF && line == "" {
			return nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		respond(writer, &held, strings.Fields(line))
		if err := writer.Flush(); err != nil {
			return err
		}
	}
}

func respond(out io.Writer, held *holder, words []string) {
	lines, err := serveRequest(held, words)
	if err != nil {
		fmt.Fprintf(out, "error %s\n.\n", oneLine(err.Error()))
		return
	}
	fmt.Fprintf(out, "ok %d\n", len(lines))
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
	fmt.Fprintln(out, ".")
}

// serveRequest runs a request that does not want the server's own input.
func serveRequest(held *holder, words []string) ([]string, error) {
	if len(words) == 0 {
		return nil, fmt.Errorf("%w: an empty request", errUsage)
	}
	switch words[0] {
	case "hold":
		return nil, held.hold(words[1:])
	case "release":
		if len(words) != 1 {
			return nil, fmt.Errorf("%w: release", errUsage)
		}
		return nil, held.release()
	case "apply":
		if len(words) < 3 || words[2] == "-" {
			return nil, fmt.Errorf("%w: apply FILE SCRIPTFILE [SNAPDIR]", errUsage)
		}
	}
	return answer(words[0], words[1:])
}
