package main

import (
	"fmt"
	"math/rand"

	"github.com/Masterminds/semver/v3"
)

var versions = []string{
	"1.2.3", "v1.2.3", "1.2", "v1", "1", "0", "0.0.0", "0.0.1", "0.1.0", "0.2.3", "1.0.0", "2.0.0", "10.4.20", "01.2.3", "1.02", "1.2.03",
	"1.2.3-alpha", "1.2.3-alpha.1", "1.2.3-alpha.beta", "1.2.3-beta", "1.2.3-beta.2", "1.2.3-beta.11", "1.2.3-rc.1", "1.2.3-0", "1.2.3--x", "1.2.3-01",
	"1.2.3-a.01", "1.2.3-a..b", "1.2.3-", "1.2.3+", "1.2.3+build.5", "1.2.3+build.05", "1.2.3-rc.1+sha.5114f85", "v1.27.3-eks-a5565ad", "v1.30.4+k3s1",
	"v1.29.8-gke.1031000", "1.19.0-0", "1.19", "1.25.16", "", " 1.2.3", "1.2.3 ", "a.b.c", "1.2.3.4", "1..2", ".1.2", "1.2.", "V1.2.3", "vv1.2.3", "1.2.3-é",
	"18446744073709551615.0.0", "18446744073709551616.0.0", "1.18446744073709551616.0", "1.2.18446744073709551616", "1.2.3-18446744073709551616", "1.2.3-x+y+z",
	"=1.2.3", "1.2-5", "1-5", "1-rc", "1.2+b", "1.2.3_1", "1,2,3", "x", "1.x", "*", "1.2.3\n",
}

var constraints = []string{
	"", "*", "x", "X", "1.x", "1.*", "1.X", "1.2.x", "1.2.*", "=1.2.3", "1.2.3", "v1.2.3", "= 1.2", "1.2", "1", "!=1.2.3", "!=1.2", "!=1", "!=1.x", "!= 1.2.x", "!=*",
	">1.2.3", ">=1.2.3", "<1.2.3", "<=1.2.3", "=>1.2.3", "=<1.2.3", ">1.2", ">1", ">=1.2", ">=1", "<1.2", "<1", "<=1.2", "<=1", ">*", "<*", ">=*", "<=*", "^*", "~*",
	"~1.2.3", "~1.2", "~1", "~0", "~0.0", "~0.0.0", "~>1.2.3", "~>1.2", "~> 1", "~1.x", "~1.2.x", "^1.2.3", "^1.2", "^1", "^1.x", "^0.2.3", "^0.2", "^0.0.3", "^0.0", "^0", "^0.0.0", "^0.x", "^0.0.x",
	">=1.19-0", ">=1.19.0-0", ">= 1.19-0 < 1.26-0", ">=1.0.0 <2.0.0", ">=1.0.0, <2.0.0", ">=1.0.0,<2.0.0", ">=1, <1.3 || >=2", "<1.0 || >=2.0.0-0", "1.2.3 || 1.2", "||", "1 ||", "|| 1", "1 || || 2",
	"1.2 - 1.4", "1.2.0 - 1.4.5", "1 - 2", "1.2 -1.4", "1.2- 1.4", "1.0 - 1.2 || 2.0 - 2.1", "1.2.3-alpha - 1.2.3", "1.x - 2.x", "1 - 2 - 3", ">1 - 2",
	"^1.2.3-alpha", "~1.2.3-alpha.1", "1.2.3-beta", ">1.2.3-beta.2", "<1.2.3-beta.2", "!=1.2.3-beta", ">=1.2.3-0", "~1.2.x-0", "^1.x-0", "1.x-beta", "!=1.2.x-beta", ">1.2-beta", "<=1.2-beta",
	"=1.2.3+build", ">=1.2.3+b", "1.2.3+build.5", "> 1.2.3 ", " > 1.2.3", "\t>1.2.3\n", "> > 1", "><1", "==1", "=1.2.3.4", "1.2.3.4", "abc", ">=abc", "1..2", ">= 1.2.3foo", "1|2", "1.0|x", "x.1", "*.1.2", "x.x.x", "1.x.3",
	"^", "~", ">", "!", "1 2", "1,2", "1 , 2", "1,,2", "1, ", ",1", ">=1 <=2 !=1.5", "> 0", ">=0-0", "^v1.2", "~v1", ">=v1.19.0-0", ">= 01.2", "1.2.3-01", "1.2.3-a..b", "18446744073709551616", ">=18446744073709551615",
	">=1.21.0-0 <1.22.0-0||>=1.23", "é", "1.2.3 é", "^1||^2", "<2 ^1", "^1~1",
}

func semverRows() {
	for _, v := range versions {
		parsed, err := semver.NewVersion(v)
		if err != nil {
			row("version", v, outcome(nil, err))
		} else {
			row("version", v, []any{parsed.String(), parsed.Original(), fmt.Sprint(parsed.Major()), fmt.Sprint(parsed.Minor()), fmt.Sprint(parsed.Patch()), parsed.Prerelease(), parsed.Metadata()})
		}
		strict, err := semver.StrictNewVersion(v)
		if err != nil {
			row("strict", v, outcome(nil, err))
		} else {
			row("strict", v, strict.String())
		}
	}
	random := rand.New(rand.NewSource(7))
	for i := 0; i < 300; i++ {
		a, b := versions[random.Intn(len(versions))], versions[random.Intn(len(versions))]
		left, err := semver.NewVersion(a)
		if err != nil {
			continue
		}
		right, err := semver.NewVersion(b)
		if err != nil {
			continue
		}
		row("compare", a, b, left.Compare(right))
	}
	usable := []string{"1.2.3", "v1", "0.0.0", "0.0.1", "0.0.3", "0.2.3", "0.3.0", "1.0.0", "1.1.9", "1.3.0", "2.0.0", "2.1.5", "1.2.3-alpha", "1.2.3-alpha.1", "1.2.3-beta", "1.2.3-beta.2", "1.2.3-beta.11", "1.2.4-rc.1", "1.19.0-0", "1.19.0", "v1.27.3-eks-a5565ad", "v1.30.4+k3s1", "18446744073709551615.0.0", "1.4.5", "1.5.0-0", "0.0.0-0"}
	row("against", usable, nil)
	for _, c := range constraints {
		parsed, err := semver.NewConstraint(c)
		if err != nil {
			row("constraint", c, outcome(nil, err))
			continue
		}
		row("constraint", c, parsed.String())
		bits, reasons := "", []string{}
		for _, v := range usable {
			version := semver.MustParse(v)
			if parsed.Check(version) {
				bits += "1"
			} else {
				bits += "0"
			}
			if _, errs := parsed.Validate(version); len(errs) > 0 && len(reasons) < 3 {
				for _, err := range errs {
					reasons = append(reasons, err.Error())
				}
			}
		}
		row("check", c, bits)
	}
	// Constraints made up at random from their parts.
	ops := []string{"", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^", " ", "> ", "^ ", "!"}
	parts := []string{"0", "1", "2", "19", "x", "*", "01", ""}
	pres := []string{"", "", "", "-0", "-alpha", "-beta.2", "+k3s1", "-rc.1+b", "-", "-01"}
	joins := []string{" ", ",", ", ", " || ", "||", " - ", "  "}
	number := func() string {
		text := parts[random.Intn(len(parts))]
		for i := random.Intn(3); i > 0; i-- {
			text += "." + parts[random.Intn(len(parts)-1)]
		}
		return text + pres[random.Intn(len(pres))]
	}
	for i := 0; i < 600; i++ {
		text := ops[random.Intn(len(ops))] + number()
		for j := random.Intn(3); j > 0; j-- {
			text += joins[random.Intn(len(joins))] + ops[random.Intn(len(ops))] + number()
		}
		parsed, err := semver.NewConstraint(text)
		if err != nil {
			row("constraint", text, outcome(nil, err))
			continue
		}
		bits := ""
		for _, v := range usable {
			if parsed.Check(semver.MustParse(v)) {
				bits += "1"
			} else {
				bits += "0"
			}
		}
		row("check", text, bits)
	}
}
