package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sort"

	"sigs.k8s.io/yaml"
)

var separator = regexp.MustCompile(`(?m)^---[ \t]*(#.*)?\n`)

// corpus prints what becomes of the documents that the originals rendered: their number in each file, and the SHA-256
// of all texts that reading and printing them again gives, under the rules of sigs and of Kustomize.
func corpus(dir string, out io.Writer) error {
	files, err := rendered(dir)
	if err != nil {
		return err
	}
	names := []string{}
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintln(out, "{")
	for i, name := range names {
		sigs, kustomize, count := sha256.New(), sha256.New(), 0
		for _, document := range separator.Split(string(files[name]), -1) {
			count++
			encoded, err := yaml.YAMLToJSON([]byte(document))
			if err == nil {
				encoded, err = yaml.JSONToYAML(encoded)
			}
			fmt.Fprintf(sigs, "---\n%s", text(encoded, err))
			fmt.Fprintf(kustomize, "---\n%s", rewrite(document))
		}
		key, _ := json.Marshal(name)
		comma := ","
		if i+1 == len(names) {
			comma = ""
		}
		fmt.Fprintf(out, "%s: {\"documents\": %d, \"sigs\": \"sha256:%x\", \"kustomize\": \"sha256:%x\"}%s\n",
			key, count, sigs.Sum(nil), kustomize.Sum(nil), comma)
	}
	fmt.Fprintln(out, "}")
	return nil
}

// rendered are all files that the originals rendered, by their paths.
func rendered(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	plain, _ := filepath.Glob(filepath.Join(dir, "krusty/*/expected.yaml"))
	packed, _ := filepath.Glob(filepath.Join(dir, "helm/*/expected.yaml.gz"))
	tars, _ := filepath.Glob(filepath.Join(dir, "kustomize/*/expected.tar.gz"))
	for _, path := range plain {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		files[relative(dir, path)] = content
	}
	for _, path := range append(packed, tars...) {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		unpacked, err := gzip.NewReader(file)
		if err != nil {
			return nil, err
		}
		if filepath.Base(path) != "expected.tar.gz" {
			if files[relative(dir, path)], err = io.ReadAll(unpacked); err != nil {
				return nil, err
			}
			continue
		}
		archive := tar.NewReader(unpacked)
		for {
			header, err := archive.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, err
			}
			if header.Typeflag != tar.TypeReg {
				continue
			}
			if files[relative(dir, path)+"/"+header.Name], err = io.ReadAll(archive); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

func relative(dir, path string) string {
	short, err := filepath.Rel(dir, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(short)
}
