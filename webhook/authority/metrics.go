package authority

import (
	"crypto/x509"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Watched are the certificates whose state is shown as metrics. Those that a process does not have
// are nil.
type Watched struct {
	// Served is the certificate that is served now.
	Served func() *x509.Certificate
	// Trust reports whether the configurations trust it.
	Trust *Trust
	// Keeper keeps the authority.
	Keeper *Keeper
}

var (
	notAfter = prometheus.NewDesc("attache_certificate_not_after_seconds",
		"When a certificate ends, in seconds since 1970: serving (of this replica), authority (of the controller that keeps it).",
		[]string{"certificate"}, nil)
	bundleMatch = prometheus.NewDesc("attache_ca_bundle_match",
		"1 when every webhook configuration trusts the certificate that this replica serves, 0 when one does not.", nil, nil)
)

// Describe implements prometheus.Collector.
func (w *Watched) Describe(out chan<- *prometheus.Desc) {
	out <- notAfter
	out <- bundleMatch
}

// Collect implements prometheus.Collector.
func (w *Watched) Collect(out chan<- prometheus.Metric) {
	end := func(name string, at time.Time) {
		if !at.IsZero() {
			out <- prometheus.MustNewConstMetric(notAfter, prometheus.GaugeValue, float64(at.Unix()), name)
		}
	}
	if w.Keeper != nil {
		end("authority", w.Keeper.Expiry())
	}
	if w.Served == nil {
		return
	}
	served := w.Served()
	if served != nil {
		end("serving", served.NotAfter)
	}
	if w.Trust == nil {
		return
	}
	match := 0.0
	if served != nil && w.Trust.Verify(served) == nil {
		match = 1
	}
	out <- prometheus.MustNewConstMetric(bundleMatch, prometheus.GaugeValue, match)
}
