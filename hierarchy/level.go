package hierarchy

// Level is a rung of the hierarchy of semantics section 1, from the least to
// the most specific. A lower number is a higher level: its overrides win, its
// defaults lose.
type Level int

// The levels. Their order is the precedence; nothing else in the engine knows it.
const (
	GatewayClassLevel Level = iota
	GatewayLevel
	ListenerSetLevel
	ListenerLevel
	// PlatformNamespaceLevel is the route's namespace as policies of a platform
	// namespace target it, NamespaceLevel as those in it do.
	PlatformNamespaceLevel
	NamespaceLevel
	RouteLevel
	RouteRuleLevel
	// Levels is how many there are.
	Levels
)

var levelNames = [Levels]string{"GatewayClass", "Gateway", "ListenerSet", "Listener", "PlatformNamespace", "Namespace", "Route", "RouteRule"}

// String is the level's name as semantics section 1 writes it.
func (l Level) String() string {
	if l < 0 || l >= Levels {
		return "unknown level"
	}
	return levelNames[l]
}

// LevelNamed finds a level by the name that String gives it.
func LevelNamed(name string) (Level, bool) {
	for l, n := range levelNames {
		if n == name {
			return Level(l), true
		}
	}
	return 0, false
}
