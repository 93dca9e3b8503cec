package main

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
)

// tables prints src/render/gotemplate/sprig/unicode/tables.rs: what Go's unicode package knows of runes, as ranges.
func tables() {
	fmt.Println("//! What Go's `unicode` package knows of runes, as ranges: printed by `tests/oracle/sprig` (`go run . tables`).")
	fmt.Println("//! A row is first, last, step; a row of `CASES` is first, last, and what to add for upper, lower and title case,")
	fmt.Println("//! where `ALTERNATES` says that upper and lower case take turns.")
	fmt.Printf("//! The version of Unicode is %s.\n", unicode.Version)
	fmt.Println()
	fmt.Println("#![cfg_attr(rustfmt, rustfmt_skip)]")
	fmt.Println()
	fmt.Println("/// In the place of a difference: upper and lower case take turns.")
	fmt.Println("pub(super) const ALTERNATES: i32 = 0x11_0000;")
	ranges("UPPER", unicode.Upper)
	ranges("LOWER", unicode.Lower)
	ranges("TITLE", unicode.Title)
	ranges("NUMBER", unicode.Number)
	ranges("PUNCT", unicode.Punct)
	var rows []string
	for _, c := range unicode.CaseRanges {
		rows = append(rows, fmt.Sprintf("(%d,%d,%d,%d,%d)", c.Lo, c.Hi, c.Delta[0], c.Delta[1], c.Delta[2]))
	}
	print("CASES", "(u32, u32, i32, i32, i32)", rows)
	names("CATEGORIES", unicode.Categories)
	names("SCRIPTS", unicode.Scripts)
	rows = nil
	for name, to := range unicode.CategoryAliases {
		rows = append(rows, fmt.Sprintf("(%q,%q)", canonical(name), to))
	}
	sort.Strings(rows)
	print("ALIASES", "(&str, &str)", rows)
}

// canonical is the form in which package regexp looks names up.
func canonical(name string) string {
	name = strings.NewReplacer("_", "", "-", "", " ", "").Replace(name)
	return strings.ToUpper(name[:1]) + strings.ToLower(name[1:])
}

func names(name string, tables map[string]*unicode.RangeTable) {
	var rows []string
	for it := range tables {
		rows = append(rows, fmt.Sprintf("%q", it))
	}
	sort.Strings(rows)
	print(name, "&str", rows)
}

func ranges(name string, table *unicode.RangeTable) {
	var rows []string
	for _, r := range table.R16 {
		rows = append(rows, fmt.Sprintf("(%d,%d,%d)", r.Lo, r.Hi, r.Stride))
	}
	for _, r := range table.R32 {
		rows = append(rows, fmt.Sprintf("(%d,%d,%d)", r.Lo, r.Hi, r.Stride))
	}
	print(name, "(u32, u32, u32)", rows)
}

func print(name, kind string, rows []string) {
	fmt.Printf("\npub(super) const %s: &[%s] = &[", name, kind)
	line := ""
	for _, row := range rows {
		if line == "" || len(line)+len(row) > 105 {
			fmt.Print(line, "\n    ")
			line = ""
		}
		line += row + ","
	}
	fmt.Println(line + "\n];")
}
