package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A tree, and the directory in it that is built.
type tree struct {
	Name  string            `json:"name"`
	Files map[string]string `json:"files"`
	// Base64 of files that are no text.
	Binary map[string]string `json:"binary"`
	// Links, by what they point to.
	Links map[string]string `json:"links"`
	Path  string            `json:"path"`
	Order string            `json:"order"`
	Load  string            `json:"load"`
	// Whether charts are rendered.
	Helm bool `json:"helm"`
}

// The original prints the addresses of generators.
var address = regexp.MustCompile(`merging from generator &\{[^}]*\}`)

// What Kustomize says of the program that it ran, and where it put the values.
var (
	run       = regexp.MustCompile(`(?s)\n: unable to run: '.*$`)
	temporary = regexp.MustCompile(`/[^ ]*/kustomize-helm-[0-9]+/`)
)

// program is Helm, which was built beside this one.
func program() string {
	own, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return filepath.Join(filepath.Dir(own), "helm")
}

// cases prints one line for each tree: what comes out, or the message, with the tree's top as the root.
func cases(in io.Reader, file io.Writer) {
	out := bufio.NewWriter(file)
	defer out.Flush()
	log.SetOutput(io.Discard)
	// What is said of old fields belongs to nobody here.
	os.Stderr, _ = os.Open(os.DevNull)
	var all []tree
	if err := json.NewDecoder(in).Decode(&all); err != nil {
		panic(err)
	}
	_, _ = out.WriteString("[\n")
	for i, one := range all {
		text, message := one.build()
		var line strings.Builder
		encoder := json.NewEncoder(&line)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(map[string]string{"out": text, "err": message}); err != nil {
			panic(err)
		}
		_, _ = out.WriteString(strings.TrimSuffix(line.String(), "\n"))
		if i < len(all)-1 {
			_, _ = out.WriteString(",")
		}
		_, _ = out.WriteString("\n")
	}
	_, _ = out.WriteString("]\n")
}

func (t tree) build() (text, message string) {
	top, err := os.MkdirTemp("", "tree")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(top)
	if top, err = filepath.EvalSymlinks(top); err != nil {
		panic(err)
	}
	write := func(path string, content []byte) {
		path = filepath.Join(top, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			panic(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			panic(err)
		}
	}
	for path, content := range t.Files {
		write(path, []byte(content))
	}
	for path, content := range t.Binary {
		bytes, err := base64.StdEncoding.DecodeString(content)
		if err != nil {
			panic(err)
		}
		write(path, bytes)
	}
	for path, target := range t.Links {
		write(path, nil)
		path = filepath.Join(top, path)
		_ = os.Remove(path)
		if err := os.Symlink(target, path); err != nil {
			panic(err)
		}
	}
	order := t.Order
	if order == "" {
		order = "legacy"
	}
	helm := ""
	if t.Helm {
		helm = program()
	}
	out, err := one(filepath.Join(top, t.Path), order, t.Load, helm)
	if err == nil {
		return string(out), ""
	}
	message = strings.ReplaceAll(err.Error(), top+"/", "/")
	message = strings.ReplaceAll(message, top, "/")
	// How the program was run is nothing that we could say.
	message = run.ReplaceAllString(message, "")
	message = temporary.ReplaceAllString(message, "")
	return "", address.ReplaceAllString(message, "merging from generator")
}
