package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// What is looked at in a corpus; most templates are no YAML, and what is said about them counts as well.
var document = regexp.MustCompile(`\.(yaml|yml|json|tpl)$`)

// corpus prints the digest of the records of all documents of a folder up to a size: one line for each archive, and
// one for the plain files of each folder at the top. With pieces it also reads what stands between lines of hyphens.
func corpus(dir string, limit int, pieces bool) error {
	var group string
	var sum hash.Hash
	count := 0
	flush := func() {
		if count > 0 {
			fmt.Printf("%x %d %s\n", sum.Sum(nil), count, group)
		}
	}
	begin := func(name string) {
		if name != group {
			flush()
			group, sum, count = name, sha256.New(), 0
		}
	}
	add := func(name string, content []byte) {
		if !document.MatchString(name) || len(content) > limit {
			return
		}
		count++
		fmt.Fprintf(sum, "%s\n%s", name, record(content))
		if pieces {
			each3(content, func(piece []byte) { io.WriteString(sum, record(piece)) })
		}
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if !strings.HasSuffix(name, ".gz") && !strings.HasSuffix(name, ".tgz") {
			begin(strings.SplitN(name, "/", 2)[0])
			content, err := os.ReadFile(path)
			add(name, content)
			return err
		}
		begin(name)
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		unpacked, err := gzip.NewReader(file)
		if err != nil {
			return err
		}
		if !strings.HasSuffix(name, ".tgz") && !strings.HasSuffix(name, ".tar.gz") {
			content, err := io.ReadAll(unpacked)
			add(strings.TrimSuffix(name, ".gz"), content)
			return err
		}
		archive := tar.NewReader(unpacked)
		for {
			header, err := archive.Next()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if header.Typeflag == tar.TypeReg {
				content, err := io.ReadAll(archive)
				if err != nil {
					return err
				}
				add(header.Name, content)
			}
		}
	})
	flush()
	return err
}
