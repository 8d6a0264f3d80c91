// Go's bbolt in the comparison: the same workloads as src/drivers.rs, the same arguments and results.
//
//	bbolt-bench child bbolt NAME=VALUE ..
//	bbolt-bench sample bbolt NAME=VALUE ..

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

type spec struct {
	action, path, order      string
	decimal, durable         bool
	keys, seed, count, batch uint64
	length                   uint64
	valueLen                 int
}

// must ends the program: whatever fails here makes the measurement worthless.
func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bbolt-bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) spec {
	fields := map[string]string{}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		fields[name] = value
	}
	number := func(name string) uint64 {
		value, err := strconv.ParseUint(fields[name], 10, 64)
		must(err)
		return value
	}
	return spec{
		action: fields["action"], path: fields["path"], order: fields["order"],
		decimal: fields["style"] == "decimal", durable: fields["durable"] == "1",
		keys: number("keys"), seed: number("seed"), count: number("count"), batch: number("batch"),
		length: number("length"), valueLen: int(number("value_len")),
	}
}

func main() {
	if len(os.Args) < 3 || os.Args[1] != "child" && os.Args[1] != "sample" || os.Args[2] != "bbolt" {
		must(fmt.Errorf("usage: bbolt-bench child|sample bbolt NAME=VALUE .."))
	}
	if os.Args[1] == "sample" {
		sample(os.Args[3:])
		return
	}
	for _, outcome := range run(parse(os.Args[3:])) {
		outcome.print()
	}
}
