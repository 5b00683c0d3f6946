package export

import (
	"cmp"
	"fmt"
	"strings"
)

// Verdict summarizes the outcome of one field on one path.
type Verdict string

// The verdicts. The empty Verdict is not one of them.
const (
	// Projected: in force as stated.
	Projected Verdict = "Projected"
	// Degraded: in force, but not exactly as stated. The reason says how it differs.
	Degraded Verdict = "Degraded"
	// Unsupported: not in force.
	Unsupported Verdict = "Unsupported"
)

// Reason says why an outcome is not Projected. The list is closed (E4).
type Reason string

// Reasons of Unsupported, in the order of precedence.
const (
	NoField             Reason = "NoField"
	NotProxied          Reason = "NotProxied"
	NotRead             Reason = "NotRead"
	FieldNotInCRD       Reason = "FieldNotInCRD"
	RouteKind           Reason = "RouteKind"
	PerService          Reason = "PerService"
	RulesDiffer         Reason = "RulesDiffer"
	UnnamedRule         Reason = "UnnamedRule"
	ListenersDiffer     Reason = "ListenersDiffer"
	InlineWins          Reason = "InlineWins"
	NotConsented        Reason = "NotConsented"
	ForeignPolicy       Reason = "ForeignPolicy"
	WouldHide           Reason = "WouldHide"
	CannotClear         Reason = "CannotClear"
	KeyNeedsGlobal      Reason = "KeyNeedsGlobal"
	LimitsFull          Reason = "LimitsFull"
	HeaderName          Reason = "HeaderName"
	TooSmall            Reason = "TooSmall"
	TooShort            Reason = "TooShort"
	Invalid             Reason = "Invalid"
	BackendNotRewritten Reason = "BackendNotRewritten"
	TooManyFilters      Reason = "TooManyFilters"
	NameTaken           Reason = "NameTaken"
	MissingCRD          Reason = "MissingCRD"
	ParametersDiffer    Reason = "ParametersDiffer"
)

// Reasons of Degraded, in the order of precedence.
const (
	Rounded                 Reason = "Rounded"
	BurstDropped            Reason = "BurstDropped"
	BurstLarger             Reason = "BurstLarger"
	CounterFiner            Reason = "CounterFiner"
	FewKeys                 Reason = "FewKeys"
	CounterCoarser          Reason = "CounterCoarser"
	AddsToForeign           Reason = "AddsToForeign"
	CodesNarrowed           Reason = "CodesNarrowed"
	CodesOptional           Reason = "CodesOptional"
	ConditionsDropped       Reason = "ConditionsDropped"
	ConnectionErrorsImplied Reason = "ConnectionErrorsImplied"
	IdempotentOnly          Reason = "IdempotentOnly"
	BackoffShape            Reason = "BackoffShape"
	BetweenReads            Reason = "BetweenReads"
	HeadersOnly             Reason = "HeadersOnly"
	WholeRequest            Reason = "WholeRequest"
	PoolOnly                Reason = "PoolOnly"
	NoOffSwitch             Reason = "NoOffSwitch"
)

// Notes do not lower an outcome (E4.4).
const (
	PerInstance      = "PerInstance"
	ResetsOnReload   = "ResetsOnReload"
	CarriedOver      = "CarriedOver"
	Subsumed         = "Subsumed"
	DataPlaneDefault = "DataPlaneDefault"
	IdleRaised       = "IdleRaised"
	Kept             = "Kept"
)

// reasonRow is one row of the closed list.
type reasonRow struct {
	reason  Reason
	verdict Verdict
	// says is the message, a format.
	says string
	// unused says why no exporter gives the reason yet.
	unused string
}

// reasonTable is in the order of precedence if several reasons apply (E4.3). Those of Unsupported come
// before those of Degraded.
var reasonTable = []reasonRow{
	{reason: NoField, verdict: Unsupported, says: "%s has no such setting"},
	{reason: NotProxied, verdict: Unsupported, says: "the rule answers itself (redirect, no backend): nothing is limited or timed there"},
	{reason: NotRead, verdict: Unsupported, says: "%s does not read this field of routes"},
	{reason: FieldNotInCRD, verdict: Unsupported, says: "the installed HTTPRoute CRD has no %s"},
	{reason: RouteKind, verdict: Unsupported, says: "%s has it, but not for %s"},
	{reason: PerService, verdict: Unsupported, says: "%s sets it per Service, which other routes share"},
	{reason: RulesDiffer, verdict: Unsupported, says: "one value for the whole route, and its rules differ"},
	{reason: UnnamedRule, verdict: Unsupported, says: "rules differ, and rule %s has no name to attach to"},
	{reason: ListenersDiffer, verdict: Unsupported, says: "one value for all listeners, and %s has %s while %s has %s"},
	{reason: InlineWins, verdict: Unsupported, says: "the rule states %s itself, and %s prefers that; label the route attache.dev/inject=true"},
	{reason: NotConsented, verdict: Unsupported, says: "has to be written into the route; label it attache.dev/inject=true"},
	{reason: ForeignPolicy, verdict: Unsupported, says: "%s is attached there and is older"},
	{reason: WouldHide, verdict: Unsupported, says: "ours would hide %s, which cannot be carried over"},
	{reason: CannotClear, verdict: Unsupported, says: "cannot remove the limit of %s"},
	{reason: KeyNeedsGlobal, verdict: Unsupported, says: "counting apart by %s needs a rate limit service"},
	{reason: LimitsFull, verdict: Unsupported, says: "%s holds %d limits for a rule, and %s comes after them"},
	{reason: HeaderName, verdict: Unsupported, says: "%s cannot be used as a key there"},
	{reason: TooSmall, verdict: Unsupported, says: "below what can be written"},
	{reason: TooShort, verdict: Unsupported, says: "below what can be written", unused: "no data plane in the table has whole seconds alone"},
	{reason: Invalid, verdict: Unsupported, says: "the merged values contradict each other: %s"},
	{reason: BackendNotRewritten, verdict: Unsupported, says: "needs its own backend objects; see rewriteBackends"},
	{reason: TooManyFilters, verdict: Unsupported, says: "the rule has %d filters, ours do not fit into %d"},
	{reason: NameTaken, verdict: Unsupported, says: "%s exists and is not ours"},
	{reason: MissingCRD, verdict: Unsupported, says: "the CRD of %s is not installed"},
	{reason: ParametersDiffer, verdict: Unsupported, says: "GatewayClasses %s ask for different parameters of %s"},
	{reason: Rounded, verdict: Degraded, says: "written as %s"},
	{reason: BurstDropped, verdict: Degraded, says: "%s at once instead of %s"},
	{reason: BurstLarger, verdict: Degraded, says: "%s at once instead of %s"},
	{reason: CounterFiner, verdict: Degraded, says: "counted apart for each %s"},
	{reason: FewKeys, verdict: Degraded, says: "only the last 20 values are counted apart, others start anew"},
	{reason: CounterCoarser, verdict: Degraded, says: "shared by all rules of the route, asked for each rule"},
	{reason: AddsToForeign, verdict: Degraded, says: "applies together with the limit of %s, which cannot be removed"},
	{reason: CodesNarrowed, verdict: Degraded, says: "5xx is written as 500, 502, 503, 504"},
	{reason: CodesOptional, verdict: Degraded, says: "%s are codes a data plane need not support (outside 500, 502, 503, 504)"},
	{reason: ConditionsDropped, verdict: Degraded, says: "%s have no counterpart; the others are in force"},
	{reason: ConnectionErrorsImplied, verdict: Degraded, says: "connection errors are retried as well"},
	{reason: IdempotentOnly, verdict: Degraded, says: "POST, PATCH and LOCK are not retried"},
	{reason: BackoffShape, verdict: Degraded, says: "waits %s"},
	{reason: BetweenReads, verdict: Degraded, says: "limits the time between two reads, not the whole"},
	{reason: HeadersOnly, verdict: Degraded, says: "limits the time to the response's headers, not its body", unused: "waits for rewriteBackends"},
	{reason: WholeRequest, verdict: Degraded, says: "there is no time per try; limits the whole request", unused: "no data plane in the table needs it"},
	{reason: PoolOnly, verdict: Degraded, says: "closes idle pooled connections only", unused: "waits for rewriteBackends"},
	{reason: NoOffSwitch, verdict: Degraded, says: "cannot be switched off; written as %s"},
}

// rowOf returns the row of a reason in the table, and its index.
func rowOf(reason Reason) (reasonRow, int) {
	for i, row := range reasonTable {
		if row.reason == reason {
			return row, i
		}
	}
	return reasonRow{}, len(reasonTable)
}

// Message is the message of an outcome with the reason. args are the arguments of the format.
func (r Reason) Message(args ...any) string {
	row, _ := rowOf(r)
	return fmt.Sprintf(row.says, args...)
}

// Verdict is the verdict of an outcome with the reason.
func (r Reason) Verdict() Verdict {
	row, _ := rowOf(r)
	return row.verdict
}

// CompareReasons orders reasons by precedence (E4.3).
func CompareReasons(a, b Reason) int {
	_, i := rowOf(a)
	_, j := rowOf(b)
	return cmp.Compare(i, j)
}

// ReasonDoc is one reason as docs show it.
type ReasonDoc struct {
	Reason  Reason
	Verdict Verdict
	Says    string
	// Unused says why no exporter gives the reason, empty if one does.
	Unused string
}

// Reasons returns the closed list, for docs and tests.
func Reasons() []ReasonDoc {
	docs := make([]ReasonDoc, len(reasonTable))
	for i, row := range reasonTable {
		says := strings.NewReplacer("%s", "…", "%d", "…").Replace(row.says)
		docs[i] = ReasonDoc{row.reason, row.verdict, says, row.unused}
	}
	return docs
}
