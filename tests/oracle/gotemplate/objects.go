package main

import (
	"fmt"
	"strings"
)

// The types behind the rows that ask for objects; tests/it/gotemplate/objects.rs has the same.

// Clock is a struct with methods.
type Clock struct{ year int }

func (c Clock) Year() int { return c.year }
func (c Clock) Format(layout string) string {
	return strings.ReplaceAll(layout, "2006", fmt.Sprint(c.year))
}
func (c Clock) Add(years int) Clock { return Clock{c.year + years} }
func (c Clock) String() string      { return fmt.Sprintf("year %d", c.year) }

// Pair is a struct without methods, met as a pointer.
type Pair struct {
	Cert string
	Key  int
}

// VersionSet is a list under another name.
type VersionSet []string

func (v VersionSet) Has(wanted string) bool {
	for _, item := range v {
		if item == wanted {
			return true
		}
	}
	return false
}

// Files is a map of bytes under another name.
type Files map[string][]byte

func (f Files) Get(name string) string { return string(f[name]) }

// Span is an integer under another name.
type Span int64

func (s Span) Double() Span   { return 2 * s }
func (s Span) String() string { return fmt.Sprintf("%ds", int64(s)) }

func stamp(c Clock) int { return c.year }

func objects() map[string]any {
	return map[string]any{
		"now": Clock{2026}, "pair": &Pair{"c", 1}, "versions": VersionSet{"v1", "apps/v1"},
		"files": Files{"a": []byte("A"), "b": []byte("B")}, "span": Span(5), "zero": Span(0),
		"nothing": (*Pair)(nil), "function": stamp, "list": []any{1.0, nil},
	}
}
