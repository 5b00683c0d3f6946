package authority

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// pair is the certificate and the key of an authority.
type pair struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newPair makes an authority that begins a little before now, for clocks that are late.
func newPair(name string, now time.Time, life time.Duration) (*pair, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-life / 20),
		NotAfter:              now.Add(life),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	return sign(template, nil)
}

// leaf signs a serving certificate. It does not outlive the authority.
func (p *pair) leaf(names []string, now time.Time, life time.Duration) (*tls.Certificate, error) {
	end := now.Add(life)
	if p.certificate.NotAfter.Before(end) {
		end = p.certificate.NotAfter
	}
	signed, err := sign(&x509.Certificate{
		Subject:               pkix.Name{CommonName: clip(names[0])},
		DNSNames:              names,
		NotBefore:             now.Add(-life / 20),
		NotAfter:              end,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, p)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{signed.certificate.Raw}, PrivateKey: signed.key, Leaf: signed.certificate}, nil
}

// clip keeps a common name within the 64 characters that X.509 allows.
func clip(name string) string { return name[:min(len(name), 64)] }

// sign makes a key and a certificate of it, signed by an authority or by itself.
func sign(template *x509.Certificate, by *pair) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126)); err != nil {
		return nil, fmt.Errorf("making a serial number: %w", err)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	return &pair{certificate: certificate, key: key}, err
}

// readPair reads what encode wrote.
func readPair(certificate, key []byte) (*pair, error) {
	whole, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	private, ok := whole.PrivateKey.(*ecdsa.PrivateKey)
	switch {
	case !ok:
		return nil, errors.New("the key is not an ECDSA key")
	case !whole.Leaf.IsCA:
		return nil, errors.New("the certificate is not an authority's")
	}
	return &pair{certificate: whole.Leaf, key: private}, nil
}

// encode writes a pair as PEM.
func (p *pair) encode() (certificate, key []byte, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return nil, nil, fmt.Errorf("writing a key: %w", err)
	}
	return bundle(p.certificate), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// bundle writes certificates as PEM, one after the other.
func bundle(certificates ...*x509.Certificate) []byte {
	var text bytes.Buffer
	for _, c := range certificates {
		text.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return text.Bytes()
}

// unbundle reads the certificates of a PEM, and passes over whatever else is there.
func unbundle(text []byte) []*x509.Certificate {
	var certificates []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return certificates
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			certificates = append(certificates, c)
		}
	}
}
