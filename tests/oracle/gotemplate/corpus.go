package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template/parse"
)

// corpus prints how many templates each chart of the corpus has, and a digest of what the parser made of them.
func corpus(folder string) {
	charts, err := filepath.Glob(filepath.Join(folder, "helm/*/chart.tgz"))
	must(err)
	out := map[string]any{}
	for _, chart := range charts {
		file, err := os.Open(chart)
		must(err)
		unpacked, err := gzip.NewReader(file)
		must(err)
		hash, count := sha256.New(), 0
		for entries := tar.NewReader(unpacked); ; {
			entry, err := entries.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			must(err)
			if entry.Typeflag != tar.TypeReg || !strings.Contains(entry.Name, "/templates/") {
				continue
			}
			text, err := io.ReadAll(entries)
			must(err)
			fmt.Fprintf(hash, "%s\n%s\n", entry.Name, parsed(string(text)))
			count++
		}
		name := filepath.Base(filepath.Dir(chart))
		out[name] = map[string]any{"templates": count, "digest": fmt.Sprintf("sha256:%x", hash.Sum(nil))}
	}
	text, err := json.MarshalIndent(out, "", " ")
	must(err)
	fmt.Println(string(text))
}

// parsed is all that a text defines, in the order of the names.
func parsed(text string) string {
	trees := map[string]*parse.Tree{}
	t := parse.New("t")
	t.Mode = parse.SkipFuncCheck
	if _, err := t.Parse(text, "", "", trees); err != nil {
		return err.Error()
	}
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(trees)) {
		fmt.Fprintf(&out, "%s:\n%s\n", name, trees[name].Root)
	}
	return out.String()
}
