package guardrail

import "strings"

// VariableNamed is the variable with a name, 0 when there is none.
func VariableNamed(name string) Variables {
	for _, v := range Names {
		if v.Name == name {
			return v.Variable
		}
	}
	return 0
}

// VariableNames lists all names for a message: "effective, origins, … and
// change".
func VariableNames() string {
	var b strings.Builder
	for i, v := range Names {
		switch i {
		case 0:
		case len(Names) - 1:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(v.Name)
	}
	return b.String()
}
