package main

import (
	"crypto/dsa"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"reflect"
)

func block(kind string, bytes []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
}

func must[T any](it T, err error) T {
	if err != nil {
		panic(err)
	}
	return it
}

// keys are private keys in every form that Sprig reads.
func keys() map[string]string {
	made := map[string]string{}
	two := must(rsa.GenerateKey(rand.Reader, 2048))
	made["rsa"] = block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(two))
	made["rsa8"] = block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(two)))
	for name, curve := range map[string]elliptic.Curve{"p256": elliptic.P256(), "p384": elliptic.P384(), "p521": elliptic.P521()} {
		key := must(ecdsa.GenerateKey(curve, rand.Reader))
		made[name] = block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(key)))
		made[name+"8"] = block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key)))
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	made["ed25519"] = block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(ed)))
	key := new(dsa.PrivateKey)
	if err := dsa.GenerateParameters(&key.Parameters, rand.Reader, dsa.L2048N256); err != nil {
		panic(err)
	}
	if err := dsa.GenerateKey(key, rand.Reader); err != nil {
		panic(err)
	}
	made["dsa"] = block("DSA PRIVATE KEY", must(asn1.Marshal(struct {
		Version       int
		P, Q, G, Y, X *big.Int
	}{0, key.P, key.Q, key.G, key.Y, key.X})))
	return made
}

// issue prints the certificate that Sprig makes, and gives it back.
func issue(name string, args ...any) any {
	result, err := run(name, args)
	cells := []any{}
	for _, arg := range args {
		if r := reflect.ValueOf(arg); r.Kind() == reflect.Struct {
			cells = append(cells, map[string]any{"sprig.certificate": []any{r.FieldByName("Cert").String(), r.FieldByName("Key").String()}})
		} else {
			cells = append(cells, typed(arg))
		}
	}
	if err != nil {
		row(name, cells, map[string]any{"error": err.Error()})
		return nil
	}
	r := reflect.ValueOf(result)
	row(name, cells, []any{r.FieldByName("Cert").String(), r.FieldByName("Key").String()})
	return result
}

func cryptoRows() {
	made := keys()
	names := []string{"rsa", "rsa8", "p256", "p2568", "p384", "p3848", "p521", "p5218", "ed25519", "dsa"}
	authorities := map[string]any{}
	for _, name := range names {
		authorities[name] = issue("genCAWithKey", "ca-"+name, 365, made[name])
	}
	for _, cn := range []string{"", "example.com", "*.example.com", "a&b", "Ünïcode", "bad\xff", "O'Neil (x), +y-z./:=?", "under_score", "a@b"} {
		issue("genCAWithKey", cn, 1, made["rsa"])
	}
	for _, days := range []int{0, -1, 1, 3650, 10000, 36500, 100000, 106751, 106752, -100000} {
		issue("genCAWithKey", "days", days, made["ed25519"])
	}
	alternatives := []list{nil, {}, {"a.example.com", "b"}, {"ünï"}, {1}, {nil}, {""}}
	addresses := []list{nil, {}, {"10.0.0.1", "::1", "::ffff:10.1.2.3"}, {"x"}, {1}, {"fe80::1%eth0"}, {"010.0.0.1"}, {"1.2.3"}, {""}}
	for _, ips := range addresses {
		issue("genSelfSignedCertWithKey", "self", ips, list{"x.y"}, 10, made["ed25519"])
	}
	for _, dns := range alternatives {
		issue("genSelfSignedCertWithKey", "self", list{"1.2.3.4"}, dns, 10, made["rsa"])
		issue("genSelfSignedCertWithKey", "", list{}, dns, 10, made["p256"])
	}
	for _, ca := range []string{"rsa", "p256", "p384", "p521", "ed25519"} {
		for _, key := range []string{"rsa8", "p2568", "ed25519", "dsa"} {
			issue("genSignedCertWithKey", "leaf", list{"127.0.0.1"}, list{"localhost"}, 30, authorities[ca], made[key])
		}
	}
	// The same name as the authority: then Go leaves the authority's key out.
	issue("genSignedCertWithKey", "ca-rsa", nil, nil, 30, authorities["rsa"], made["ed25519"])
	broken := []string{"", "text", "-----BEGIN RSA PRIVATE KEY-----\n-----END RSA PRIVATE KEY-----\n", block("RSA PRIVATE KEY", nil), block("CERTIFICATE", []byte{1}), block("X PRIVATE KEY", []byte{1}), "garbage before\n" + made["ed25519"], made["ed25519"] + "garbage behind", " " + made["ed25519"]}
	for _, key := range broken[:2] {
		issue("genCAWithKey", "broken", 1, key)
	}
	for _, key := range broken[4:] {
		issue("genCAWithKey", "broken", 1, key)
	}
	ca := reflect.ValueOf(authorities["rsa"])
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	cert, key := ca.FieldByName("Cert").String(), ca.FieldByName("Key").String()
	for _, pair := range [][2]string{{encode(cert), encode(key)}, {cert, encode(key)}, {encode(cert), key}, {encode("x"), encode(key)}, {encode(cert), encode("x")}, {"", ""}, {encode(cert), encode(cert)}, {encode(cert), encode(made["p256"])}} {
		issue("buildCustomCert", pair[0], pair[1])
	}
	for _, password := range []string{"", "secret", "pässwörd", "0123456789012345678901234567890123456789012345678901234567890123456789ab", "0123456789012345678901234567890123456789012345678901234567890123456789abc"} {
		call("bcrypt", password)
	}
	call("htpasswd", "user", "secret")
	call("htpasswd", "us:er", "secret")
	for _, kind := range []string{"maximum", "long", "medium", "short", "basic", "pin", "none", ""} {
		call("derivePassword", uint32(1), kind, "password", "user", "example.com")
	}
	call("derivePassword", uint32(2), "long", "pässword", "", "")
	call("derivePassword", uint32(4294967295), "maximum", "", "user\xff", "site")
	for _, text := range []string{"", "a", "0123456789abcdef", "0123456789abcdefg", "héllo\xff"} {
		for _, password := range []string{"", "short", "a password that is longer than thirty-two bytes"} {
			encrypted, err := run("encryptAES", []any{password, text})
			if err != nil {
				panic(err)
			}
			call("decryptAES", password, encrypted)
			call("encryptAES", password, text)
		}
	}
	for _, text := range []string{"!", "YQ==", "AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="} {
		call("decryptAES", "password", text)
	}
	call("genPrivateKey", "none")
}
