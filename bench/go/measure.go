// What the kernel knows about this process, as src/measure.rs asks it.

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

type outcome struct {
	series                             string
	ops, wallNs, cpuNs, writeCallBytes uint64
	diskBytes, commits, sum, anonBytes uint64
}

func (o *outcome) print() {
	fmt.Printf("series=%s ops=%d wall_ns=%d cpu_ns=%d write_call_bytes=%d disk_bytes=%d commits=%d sum=%d "+
		"anon_bytes=%d\n", o.series, o.ops, o.wallNs, o.cpuNs, o.writeCallBytes, o.diskBytes, o.commits, o.sum,
		o.anonBytes)
}

type meter struct {
	started                          time.Time
	cpuNs, writeCallBytes, diskBytes uint64
	disk                             string
}

func startMeter(path string) *meter {
	m := &meter{disk: statisticsOfDisk(path)}
	m.diskBytes = diskBytes(m.disk)
	m.writeCallBytes = writeCallBytes()
	m.cpuNs = cpuNs()
	m.started = time.Now()
	return m
}

func (m *meter) wallNs() uint64 {
	return uint64(time.Since(m.started))
}

func (m *meter) stop(series string) outcome {
	o := outcome{series: series, wallNs: m.wallNs(), cpuNs: cpuNs() - m.cpuNs}
	o.writeCallBytes = writeCallBytes() - m.writeCallBytes
	o.diskBytes = diskBytes(m.disk) - m.diskBytes
	o.anonBytes = procNumber("/proc/self/status", "RssAnon:") * 1024
	return o
}

func cpuNs() uint64 {
	var usage unix.Rusage
	must(unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return uint64(usage.Utime.Nano() + usage.Stime.Nano())
}

func writeCallBytes() uint64 {
	return procNumber("/proc/self/io", "wchar:")
}

func statisticsOfDisk(path string) string {
	var stat unix.Stat_t
	if unix.Stat(path, &stat) != nil {
		must(unix.Stat(filepath.Dir(path), &stat))
	}
	return fmt.Sprintf("/sys/dev/block/%d:%d/stat", unix.Major(stat.Dev), unix.Minor(stat.Dev))
}

func diskBytes(statistics string) uint64 {
	text, err := os.ReadFile(statistics)
	if err != nil {
		return 0
	}
	sectors, err := strconv.ParseUint(string(bytes.Fields(text)[6]), 10, 64)
	must(err)
	return sectors * 512
}

func procNumber(path, name string) uint64 {
	text, err := os.ReadFile(path)
	must(err)
	for _, line := range bytes.Split(text, []byte("\n")) {
		if bytes.HasPrefix(line, []byte(name)) {
			number, err := strconv.ParseUint(string(bytes.Fields(line)[1]), 10, 64)
			must(err)
			return number
		}
	}
	panic(path + " has no " + name)
}
