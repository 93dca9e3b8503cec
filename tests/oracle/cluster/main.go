// Prints what the cluster edge is compared with, from Kubernetes' own packages.
//
//	go run . schema               how server-side apply sees the built-in kinds: src/cluster/directory/schema.txt
//	go run . apply FILE.yaml      what sequences of applies and updates end in: tests/data/cluster/apply.json
package main

import (
	"fmt"
	"os"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "schema":
		err = printSchema()
	case len(os.Args) == 3 && os.Args[1] == "apply":
		err = printApply(os.Args[2])
	default:
		err = fmt.Errorf("usage: schema | apply FILE.yaml")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
