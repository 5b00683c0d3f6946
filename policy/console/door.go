package console

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Policy is the Content-Security-Policy of every answer.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"

func addHeaders(header http.Header) {
	header.Set("Content-Security-Policy", Policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("X-Frame-Options", "DENY")
}

// door lets one person in: the first one that presents the token.
type door struct {
	hosts  []string
	cookie string

	mu      sync.Mutex
	token   string // empty once it is used
	session string
}

// newDoor returns a door that opens for a token. The name of the cookie contains the first port,
// because browsers send cookies to all ports of a host.
func newDoor(token string, hosts []string) *door {
	name := "attache"
	if len(hosts) > 0 {
		if i := strings.LastIndexByte(hosts[0], ':'); i >= 0 {
			name += "-" + hosts[0][i+1:]
		}
	}
	return &door{hosts: hosts, token: token, cookie: name}
}

// NewToken returns a secret that cannot be guessed.
func NewToken() string {
	secret := make([]byte, 24)
	_, _ = rand.Read(secret) // it never fails
	return hex.EncodeToString(secret)
}

// admits rejects requests with another host name, or from another page. Otherwise, pages on the
// internet could reach servers on the user's machine through a foreign name that resolves to it
// (DNS rebinding).
func (d *door) admits(w http.ResponseWriter, r *http.Request) bool {
	if !slices.Contains(d.hosts, r.Host) {
		refuse(w, http.StatusMisdirectedRequest, "this server is not "+r.Host)
		return false
	}
	origin := r.Header.Get("Origin")
	site := r.Header.Get("Sec-Fetch-Site")
	// The page itself may be opened from anywhere: from a terminal or an email.
	navigation := r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate"
	foreign := site != "" && site != "same-origin" && site != "none" && !navigation
	if (origin != "" && origin != "http://"+r.Host) || foreign {
		refuse(w, http.StatusForbidden, "this server only answers its own page")
		return false
	}
	return true
}

// open exchanges the token for a session.
func (d *door) open(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Token string `json:"token"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, "the body is not {\"token\": …}")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.token == "" || subtle.ConstantTimeCompare([]byte(d.token), []byte(body.Token)) != 1 {
		refuse(w, http.StatusForbidden, "this link was used, or is of another run: run the command again")
		return
	}
	d.token, d.session = "", NewToken()
	http.SetCookie(w, &http.Cookie{
		Name: d.cookie, Value: d.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	w.WriteHeader(http.StatusNoContent)
}

// guard rejects requests without the session.
func (d *door) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie(d.cookie)
		d.mu.Lock()
		known := err == nil && d.session != "" && subtle.ConstantTimeCompare([]byte(d.session), []byte(cookie.Value)) == 1
		d.mu.Unlock()
		if !known {
			refuse(w, http.StatusUnauthorized, "open the link that the command printed")
			return
		}
		next.ServeHTTP(w, r)
	})
}
