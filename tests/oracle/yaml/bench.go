package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"time"

	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

// bench prints the best of several runs in seconds, and how many bytes came out. WHAT is how the documents are
// treated: `sigs` reads and prints them as Helm does, `kustomize` as Kustomize does.
func bench(what, file string) error {
	input, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	treat, ok := map[string]func([]byte) ([]byte, error){"sigs": throughSigs, "kustomize": throughKustomize}[what]
	if !ok {
		return fmt.Errorf("no benchmark %q", what)
	}
	documents := bytes.Split(input, []byte("\n---\n"))
	best, size := time.Hour, 0
	for range 5 {
		start := time.Now()
		size = 0
		for _, document := range documents {
			out, err := treat(document)
			if err != nil {
				return err
			}
			size += len(out)
		}
		best = min(best, time.Since(start))
	}
	fmt.Printf("%f %d\n", best.Seconds(), size)
	return nil
}

func throughSigs(document []byte) ([]byte, error) {
	var value any
	if err := yaml.Unmarshal(document, &value); err != nil {
		return nil, err
	}
	return yaml.Marshal(value)
}

func throughKustomize(document []byte) ([]byte, error) {
	node, err := kyaml.Parse(string(document))
	if err == io.EOF {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	encoded, err := node.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return yaml.JSONToYAML(encoded)
}
