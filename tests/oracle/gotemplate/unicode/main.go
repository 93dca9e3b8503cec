// Prints src/render/gotemplate/strconv/tables.rs: what Go's tables say of every character that Rust's say otherwise or
// not at all. Run it with `go run ./unicode > ../../../src/render/gotemplate/strconv/tables.rs`.
package main

import (
	"fmt"
	"strconv"
	"unicode"
)

// pack prints the ranges of a set of characters.
func pack(name, doc string, holds func(rune) bool) {
	fmt.Printf("\n/// %s\n#[rustfmt::skip]\npub(super) const %s: &[(u32, u32)] = &[\n", doc, name)
	column := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !holds(r) {
			continue
		}
		first := r
		for r < unicode.MaxRune && holds(r+1) {
			r++
		}
		text := fmt.Sprintf("(%#x, %#x),", first, r)
		if column == 0 {
			fmt.Print("    ", text)
		} else if column+1+len(text) > 104 {
			fmt.Print("\n    ", text)
			column = 0
		} else {
			fmt.Print(" ", text)
			column++
		}
		column += len(text)
	}
	fmt.Println("\n];")
}

func main() {
	fmt.Println("//! Go's Unicode tables (Unicode", unicode.Version+"), printed by tests/oracle/gotemplate/unicode; first and last of each range.")
	pack("PRINTABLE", "What `strconv.IsPrint` holds for.", strconv.IsPrint)
	pack("LETTERS", "What `unicode.IsLetter` holds for.", unicode.IsLetter)
	pack("DIGITS", "What `unicode.IsDigit` holds for.", unicode.IsDigit)
}
