package verify

import (
	"strings"

	"github.com/attache-dev/attache/policy/request"
)

// curl is a request as a command for a shell (M75). By https the name of the host has to
// be in the handshake, too, so that the URL has it, and the connection goes to GATEWAY.
func curl(r *request.Request) string {
	words := []string{"curl"}
	switch r.Method {
	case "GET":
	case "HEAD":
		words = append(words, "-I")
	default:
		words = append(words, "-X "+r.Method)
	}
	url := "http://GATEWAY" + r.Path
	if r.Scheme == request.SchemeHTTPS {
		words, url = append(words, "--connect-to ::GATEWAY:"), "https://"+r.Host+r.Path
	} else {
		words = append(words, "-H 'Host: "+r.Host+"'")
	}
	for _, h := range r.Headers {
		words = append(words, "-H "+shellQuoted(h.Name+": "+h.Value))
	}
	if strings.ContainsAny(url, "[]{}") {
		words = append(words, "-g") // curl itself would make several URLs of these
	}
	return strings.Join(append(words, shellWord(url)), " ")
}

// shellWord is a text that a shell takes as one word, in quotes where it needs them.
func shellWord(text string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/:.-_~+,@%="
	if !strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(plain, r) }) {
		return text
	}
	return shellQuoted(text)
}

func shellQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
