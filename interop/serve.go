// The server: a request a line, an answer of "ok N" and N lines, or "error" and a message; a line with a
// single dot ends each answer. Tests ask it thousands of questions without a process for each.

package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// serve answers requests until the input ends.
func serve(in io.Reader, out io.Writer) error {
	reader, writer := bufio.NewReader(in), bufio.NewWriter(out)
	for {
		line, err := reader.ReadString('\n')
		if err == io.EOF && line == "" {
			return nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		respond(writer, strings.Fields(line))
		if err := writer.Flush(); err != nil {
			return err
		}
	}
}

func respond(out io.Writer, words []string) {
	lines, err := serveRequest(words)
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
func serveRequest(words []string) ([]string, error) {
	if len(words) == 0 {
		return nil, fmt.Errorf("%w: an empty request", errUsage)
	}
	if words[0] == "apply" && (len(words) < 3 || words[2] == "-") {
		return nil, fmt.Errorf("%w: apply FILE SCRIPTFILE [SNAPDIR]", errUsage)
	}
	return answer(words[0], words[1:])
}
