package replicas_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// self is this process for the functions below.
const self = "self"

// process is that of the service for them.
func (r *replica) process() string { return strconv.Itoa(r.cmd.Process.Pid) }

// spent returns the seconds of processor time that a process has used.
func spent(b *testing.B, process string) float64 {
	b.Helper()
	text := proc(b, process, "stat")
	// The name of the program, in brackets, may hold anything; user and system
	// time are the 12th and 13th field behind it.
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	const perSecond = 100 // of clock ticks, on all systems for which Go compiles
	var ticks float64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return ticks / perSecond
}

// resident returns the memory of a process, in MiB.
func resident(b *testing.B, process string) float64 {
	b.Helper()
	_, rest, ok := strings.Cut(proc(b, process, "status"), "VmRSS:")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 2 || fields[1] != "kB" {
		b.Fatal("/proc/<pid>/status has no VmRSS in kB")
	}
	kib, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}

func proc(b *testing.B, process, name string) string {
	b.Helper()
	if runtime.GOOS != "linux" {
		b.Skip("what a process uses is read from /proc: run this on Linux")
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%s/%s", process, name))
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}
