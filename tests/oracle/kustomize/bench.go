package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"time"
)

// bench builds a directory several times, as the command does it each time.
func bench(args []string) {
	if len(args) != 2 {
		log.Fatal("a directory and a number")
	}
	runs, err := strconv.Atoi(args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.SetOutput(io.Discard)
	best, size := time.Duration(0), 0
	for i := 0; i < runs; i++ {
		start := time.Now()
		out, err := one(args[0], "legacy", "root")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if took := time.Since(start); i == 0 || took < best {
			best = took
		}
		size = len(out)
	}
	fmt.Println(best.Seconds(), size, peak())
}

// peak is the most memory that this process had, in KiB.
func peak() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "0"
	}
	for _, line := range strings.Split(string(status), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB"))
		}
	}
	return "0"
}
