package main

import (
	"encoding/base64"
	"math/rand"
	"regexp"
	"unicode/utf8"
)

// text is a string as JSON can hold it: bytes that are no UTF-8 stand in base64.
func text(s string) any {
	if utf8.ValidString(s) {
		return s
	}
	return map[string]string{"bytes": base64.StdEncoding.EncodeToString([]byte(s))}
}

func texts(list []string) any {
	if list == nil {
		return nil
	}
	all := []any{}
	for _, it := range list {
		all = append(all, text(it))
	}
	return all
}

var patterns = []string{
	``, `a`, `.`, `^`, `$`, `\A`, `\z`, `\b`, `\B`, `a*`, `a+`, `a?`, `a*?`, `a+?`, `a??`, `a{2}`, `a{2,}`, `a{1,2}`, `a{0}`, `a{0,}`, `a{1,2}?`, `a{,3}`, `a{`, `a{1`, `a{1,`, `a{01}`, `{`, `}`, `a{1001}`, `a{1000}`, `a{2,1}`,
	`(a{1000}){2}`, `((a{100}){10}){2}`, `(a{500}){2}`, `(a{0}){1000}`, `(a*){1000}`, `a{100000000000}`, `a{1,100000000000}`,
	`a**`, `a*+`, `a+?*`, `a*??`, `a{2}{3}`, `a{2}*`, `a|*`, `*`, `+a`, `?`, `(*)`, `(+a)`, `|*`, `(|*)`, `{2}`, `(?i)*`, `a(?i)*`, `a*(?i)*`, `^*`, `$+`, `\b+`, `(?:)*`, `()*`, `(|a)*`, `(a|)*`, `(a*)*`, `(a*)+`, `(a|b*)*`, `(?:a|(b))*`,
	`(`, `)`, `a)`, `(a`, `((a)`, `(a))`, `(?`, `(?:`, `(?:a`, `(?=a)`, `(?!a)`, `(?<=a)b`, `(?<!a)`, `(?P<n>a)`, `(?<n>a)`, `(?P<n>`, `(?P<n`, `(?P<>a)`, `(?P<a-b>c)`, `(?P<1>a)(?P<1>b)`, `(?P=n)`, `(?'n'a)`, `(?#c)`, `(?P<é>a)`,
	`(?i)a`, `(?i:a)b`, `(?-i)a`, `(?i-s)a`, `(?i-)a`, `(?--i)a`, `(?-)a`, `(?s).`, `(?m)^a$`, `(?m)^`, `(?m)$`, `(?U)a+`, `(?U)a+?`, `(?U:a+)a`, `(?ims)A.$`, `(?x)a b`, `(?i`, `(?i:`, `(?i)(?-i)A`, `((?i)a)A`, `a|(?i)B|C`, `(?z)`,
	`[a-c]`, `[^a-c]`, `[]a]`, `[^]a]`, `[a-]`, `[-a]`, `[a-c-e]`, `[\w-.]`, `[a\-z]`, `[z-a]`, `[a`, `[`, `[^`, `[]`, `[^]`, `[a\]`, `[a-\d]`, `[\d-z]`, `[[:alpha:]]`, `[[:^alpha:]]`, `[[:foo:]]`, `[[:word:][:space:]]`, `[[:alpha:`, `[:alpha:]`, `[a&&b]`, `[a--b]`, `[a~~b]`, `[a-c&&[b]]`, `[[a]]`, `[^\n]`, `[\D\d]`, `[^\D\d]`, `[^\s\S]`, `[\x00-\x{10FFFF}]`, `[^\x00-\x{10FFFF}]`, `[\q]`, `[\b]`, `[\A]`, `[\z]`, `[\Q]\E]`, `[\pN\p{Greek}]`, `[^\PN]`, `[.]`, `[*+?]`, `[$^]`, `[#]`, `[ ]`, `[\-\]\[\\\^]`, `[é-ü]`, `[世界]`,
	`\d+`, `\D+`, `\w+`, `\W+`, `\s+`, `\S+`, `(?i)\w+`, `(?i)\W+`, `(?i)[\W]`, `(?i)[^k]`, `(?i)k`, `(?i)ſ`, `(?i)straße`, `(?i)É`, `(?i)σ`, `(?i)[à-ý]`, `(?i)\p{Lu}`, `(?i)\P{Lu}`, `(?i)[[:upper:]]`, `(?i)[^[:upper:]]`,
	`\pL`, `\PL`, `\pN+`, `\p{L}`, `\p{^L}`, `\P{^L}`, `\p{Lu}`, `\p{Greek}`, `\p{greek}`, `\p{Han}`, `\p{Latin}`, `\p{Letter}`, `\p{Uppercase_Letter}`, `\p{uppercase letter}`, `\p{Any}`, `\p{Assigned}`, `\p{ASCII}`, `\p{LC}`, `\p{Cs}`, `\P{Cs}`, `\p{Cn}`, `\p{Foo}`, `\p{`, `\p`, `\p{L`, `\px`, `\p{Old_Italic}`, `\p{digit}`, `\p{punct}`, `\p{Alphabetic}`, `\p{Script=Greek}`, `\p{}`, `\p{^}`,
	`\Qa.b\E+`, `\Qa`, `\Q\E*`, `a\Q\E*`, `\Q*\E`, `\E`, `\C`, `\Z`, `\G`, `\h`, `\R`, `\X`, `\1`, `\8`, `\0`, `\07`, `\012`, `\101`, `\1234`, `\x41`, `\x4`, `\x`, `\x{41}`, `\x{}`, `\x{110000}`, `\x{D800}`, `\x{G}`, `\x{41`, `\xGG`, `\u0041`, `\a\f\n\r\t\v`, `\_`, `\-`, `\/`, `\<b\>`, `\@`, `\ `, `\é`, `\`, `a\`, `\e`, `\c`, `\k`,
	`a|b`, `a|ab`, `ab|a`, `|a`, `a|`, `||`, `(a|b)|c`, `a(b|c)d`, `x*`, `(x*)`, `a.c`, `a.*c`, `a.*?c`, `(?s)a.*c`, `^a`, `a$`, `^$`, `^a|b$`, `(^a)`, `(a$)`, `\bword\b`, `\Bo`, `o\B`, `é\b`, `\b`, `世|界`, `(a)(b)?`, `(a)|(b)`, `((a)b)`, `(?P<x>a)(?P<y>b)`, `(a)(?:b)(c)`, `([a-z]+)=([^,]*)`,
	`[^a-zA-Z0-9-_.]+`, `[^a-z0-9-]+`, `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`, `(\d+)\.(\d+)(?:\.(\d+))?`, `^v?(\d+)`, `[\s\S]*?b`, `\s*#.*`, `(?m)^\s*$`, `(?m)^(.*)$`, `"([^"]*)"`, `\$\{([^}]+)\}`, `(https?)://([^/:]+)(:\d+)?(/.*)?`, `[A-Z][a-z]+`, `(?i)true|yes|on`, `\.`, `-+$`, `^-+|-+$`, `(.)(.)`, `a\\b`, `(?:^|,)a`, `[[:space:]]+`, `[!-~]`, `\x{FFFD}`, `[^\x{FFFD}]`, `.+`, "a\xffb", "[\xff]", "(?P<\xff>a)", "\\Q\xff", "\\\xff", "\\p{\xff}",
}

var subjects = []string{
	"", "a", "aa", "aaa", "ab", "abc", "b", "ABC abc", "a.b+c", "foo bar", "xaxbx", "a1٣b2", "héllo wörld", "éa é", "世界 a 世", "K k K ſ s S", "straße STRASSE", "line1\nline2\n", "a\nb", "key=value,x=y", "v1.2.3-rc", "http://example.com:80/p", "  lead", "a-b_c.d/e", "aXbXc", "${x} $y", "{,3}", "\"q\"", "a{,3}", "A b C", "a\xffb", "\xff\xfe", "\xe4\xb8a", "[a]", "word words", "σς Σ", "baxxc", "-ab-axxb-", "yes ON True",
}

var replacements = []string{"", "-", "<$0>", "$1", "${1}W", "$1W", "$x-$y", "$$", "$", "${", "$2$1", "${n}", "${x", "$é", "$01", "$10", "a$", "$-", "é\xff"}

func regexpRow(pattern, subject, replacement string) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		row("regexp", text(pattern), text(subject), text(replacement), map[string]any{"error": text(err.Error())})
		return
	}
	row("regexp", text(pattern), text(subject), text(replacement), []any{
		re.MatchString(subject), text(re.FindString(subject)), texts(re.FindAllString(subject, -1)), texts(re.FindAllString(subject, 2)),
		texts(re.Split(subject, -1)), texts(re.Split(subject, 2)), text(re.ReplaceAllString(subject, replacement)), text(re.ReplaceAllLiteralString(subject, replacement)),
	})
}

func regexpRows() {
	random := rand.New(rand.NewSource(11))
	pick := func(from []string) string { return from[random.Intn(len(from))] }
	for _, pattern := range patterns {
		if _, err := regexp.Compile(pattern); err != nil {
			regexpRow(pattern, "", "")
			continue
		}
		for i := 0; i < 3; i++ {
			regexpRow(pattern, pick(subjects), pick(replacements))
		}
	}
	for _, subject := range subjects {
		for _, pattern := range []string{``, `a*`, `.`, `\b`, `\B`, `\w+`, `(?m)$`, `[^a]`} {
			regexpRow(pattern, subject, "<$0>")
		}
	}
	// Patterns made up at random from pieces, the most of them valid.
	pieces := []string{"a", "b", "x", "é", ".", "\\d", "\\w", "\\W", "\\b", "\\B", "^", "$", "|", "|", "(", ")", "(?:", "(?i)", "(?i:", "(?P<x>", "(?m)", "(?s)", "(?U)", "*", "+", "?", "*?", "{2}", "{0,2}", "{1,}", "[ab]", "[^a]", "[[:alpha:]]", "\\pL", "\\.", " ", "-", "_", "[\\w-]", "[^\\s]", "\\Qa.\\E", "A", "世", ","}
	for i := 0; i < 900; i++ {
		pattern, open := "", 0
		for j := 1 + random.Intn(7); j > 0; j-- {
			piece := pick(pieces)
			if piece == ")" && open == 0 && random.Intn(8) > 0 {
				continue
			}
			switch piece {
			case "(", "(?:", "(?i:", "(?P<x>":
				open++
			case ")":
				open--
			}
			pattern += piece
		}
		for ; open > 0 && random.Intn(30) > 0; open-- {
			pattern += ")"
		}
		regexpRow(pattern, pick(subjects)+pick(subjects), pick(replacements))
	}
	for _, s := range append([]string{`\.+*?()|[]{}^$`, `a-b_c`, "é.世"}, subjects...) {
		row("quoteMeta", text(s), text(regexp.QuoteMeta(s)))
	}
	for _, pattern := range []string{"(", "a`(", "(\n", "(\t", "\x7f(", "\ufeff(", "(\xff", "é("} {
		func() {
			defer func() { row("mustCompile", text(pattern), text(recover().(string))) }()
			regexp.MustCompile(pattern)
		}()
	}
}
