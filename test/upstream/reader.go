package upstream

import (
	"go/ast"
	"go/token"
	"net/http"
	"strconv"
	"strings"
)

// reader follows the body of a test in the order of its source: names of
// Gateways, their addresses, tables, and where a table is sent.
type reader struct {
	constants map[string]string
	// texts are variables of text, names those of namespace/name.
	texts, names map[string]string
	// gateways are addresses: the Gateway and the listener that they are of.
	gateways map[string][2]string
	tables   map[string]ast.Expr
	cases    []Case
	// requests says that the test makes requests at all.
	requests bool
}

func (r *reader) read(body ast.Node) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				name, ok := left.(*ast.Ident)
				if !ok || i >= len(n.Rhs) {
					continue
				}
				if _, known := r.gateways[name.Name]; known && n.Tok == token.ASSIGN {
					continue // a choice that depends on the case: what its host says counts
				}
				r.assign(name.Name, n.Rhs[i])
			}
		case *ast.RangeStmt:
			if value, ok := n.Value.(*ast.Ident); ok {
				r.alias(value.Name, n.X)
			}
		case *ast.CallExpr:
			r.call(n)
		}
		return true
	})
}

func (r *reader) assign(name string, value ast.Expr) {
	switch value := value.(type) {
	case *ast.CompositeLit:
		if named(value.Type, "NamespacedName") {
			r.names[name] = r.text(field(value, "Namespace")) + "/" + r.text(field(value, "Name"))
		} else if isTable(value) {
			r.tables[name] = value
		}
	case *ast.CallExpr:
		r.address(name, value)
	case *ast.Ident:
		if address, ok := r.gateways[value.Name]; ok {
			r.gateways[name] = address
		}
		r.alias(name, value)
	case *ast.IndexExpr:
		r.alias(name, value.X)
	}
	if text := r.text(value); text != "" {
		r.texts[name] = text
	}
}

// alias makes a name stand for a table.
func (r *reader) alias(name string, value ast.Expr) {
	if of, ok := value.(*ast.Ident); ok && r.tables[of.Name] != nil {
		r.tables[name] = r.tables[of.Name]
	} else if table, ok := value.(*ast.CompositeLit); ok && isTable(table) {
		r.tables[name] = table
	}
}

// address notes which Gateway an address is of: the call that gives it names
// it by NewGatewayRef(name, listeners...).
func (r *reader) address(name string, call *ast.CallExpr) {
	for _, argument := range call.Args {
		ref, ok := argument.(*ast.CallExpr)
		if !ok || !named(ref.Fun, "NewGatewayRef") || len(ref.Args) == 0 {
			continue
		}
		listener := ""
		if len(ref.Args) > 1 {
			listener = r.text(ref.Args[1])
		}
		r.gateways[name] = [2]string{r.name(ref.Args[0]), listener}
	}
}

func (r *reader) name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return r.names[e.Name]
	case *ast.CompositeLit:
		return r.text(field(e, "Namespace")) + "/" + r.text(field(e, "Name"))
	}
	return ""
}

// call reads a table where it is sent.
func (r *reader) call(call *ast.CallExpr) {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !strings.HasPrefix(selector.Sel.Name, "Make") || !strings.Contains(selector.Sel.Name, "RequestAndExpect") {
		return
	}
	r.requests = true
	tls := strings.Contains(selector.Sel.Name, "TLS")
	var address [2]string
	for _, argument := range call.Args {
		switch argument := argument.(type) {
		case *ast.Ident:
			if known, ok := r.gateways[argument.Name]; ok {
				address = known
			} else if table, ok := r.tables[argument.Name]; ok {
				r.table(table, address, tls)
			}
		case *ast.CompositeLit:
			if isTable(argument) {
				r.table(argument, address, tls)
			}
		}
	}
}

func (r *reader) table(table ast.Expr, address [2]string, tls bool) {
	literal := table.(*ast.CompositeLit)
	grpc := strings.Contains(typeName(literal.Type), "grpc.")
	if _, isList := literal.Type.(*ast.ArrayType); !isList {
		r.entry(literal, address, grpc, tls)
		return
	}
	for _, e := range literal.Elts {
		if entry, ok := e.(*ast.CompositeLit); ok {
			r.entry(entry, address, grpc, tls)
		}
	}
}

func (r *reader) entry(e *ast.CompositeLit, address [2]string, grpc, tls bool) {
	c := Case{
		Gateway: address[0], Listener: address[1], GRPC: grpc, TLS: tls, Method: "GET", Path: "/",
		Backend: r.text(field(e, "Backend")), Namespace: r.text(field(e, "Namespace")), Headers: map[string]string{},
	}
	if c.Gateway == "" {
		return
	}
	if grpc {
		r.grpcEntry(e, &c)
		r.cases = append(r.cases, c)
		return
	}
	request, _ := field(e, "Request").(*ast.CompositeLit)
	if host, port, ok := strings.Cut(r.text(field(request, "Host")), ":"); ok {
		c.Host, c.Listener = host, ":"+port
	} else {
		c.Host = host
	}
	if c.Host == "" && tls {
		return // the host is an argument of the call
	}
	c.Method = or(r.text(field(request, "Method")), c.Method)
	c.Path = or(r.text(field(request, "Path")), c.Path)
	r.pairs(field(request, "Headers"), c.Headers)
	if response, ok := field(e, "Response").(*ast.CompositeLit); ok {
		c.Codes = r.codes(response)
	}
	if pointer, ok := field(e, "RedirectRequest").(*ast.UnaryExpr); ok {
		if to, ok := pointer.X.(*ast.CompositeLit); ok {
			c.Redirect = &Redirect{r.text(field(to, "Scheme")), r.text(field(to, "Host")), r.text(field(to, "Port")), r.text(field(to, "Path"))}
		}
	}
	if pointer, ok := field(e, "ExpectedRequest").(*ast.UnaryExpr); ok {
		if expected, ok := pointer.X.(*ast.CompositeLit); ok {
			if seen, ok := field(expected, "Request").(*ast.CompositeLit); ok {
				c.ForwardedHost, c.ForwardedPath = r.text(field(seen, "Host")), r.text(field(seen, "Path"))
			}
		}
	}
	r.cases = append(r.cases, c)
}

const echo = "/gateway_api_conformance.echo_basic.grpcecho.GrpcEcho/"

func (r *reader) grpcEntry(e *ast.CompositeLit, c *Case) {
	c.Method = "POST"
	for key, method := range map[string]string{"EchoRequest": "Echo", "EchoTwoRequest": "EchoTwo", "EchoThreeRequest": "EchoThree"} {
		if field(e, key) != nil {
			c.Path = echo + method
		}
	}
	if pointer, ok := field(e, "RequestMetadata").(*ast.UnaryExpr); ok {
		if metadata, ok := pointer.X.(*ast.CompositeLit); ok {
			c.Host = r.text(field(metadata, "Authority"))
			r.pairs(field(metadata, "Metadata"), c.Headers)
		}
	}
	if response, ok := field(e, "Response").(*ast.CompositeLit); ok && typeName(field(response, "Code")) == "codes.Unimplemented" {
		c.Codes = []int{404}
	}
}

func (r *reader) codes(response *ast.CompositeLit) []int {
	var codes []int
	add := func(e ast.Expr) {
		switch name := typeName(e); {
		case name == "":
		case strings.HasPrefix(name, "nethttp.Status"), strings.HasPrefix(name, "http.Status"):
			for code := 100; code < 600; code++ {
				text := strings.NewReplacer(" ", "", "-", "", "'", "").Replace(http.StatusText(code))
				if text != "" && strings.HasSuffix(name, ".Status"+text) {
					codes = append(codes, code)
				}
			}
		}
		if text, ok := e.(*ast.BasicLit); ok && text.Kind == token.INT {
			code, _ := strconv.Atoi(text.Value)
			codes = append(codes, code)
		}
	}
	if single := field(response, "StatusCode"); single != nil {
		add(single)
	}
	if list, ok := field(response, "StatusCodes").(*ast.CompositeLit); ok {
		for _, e := range list.Elts {
			add(e)
		}
	}
	return codes
}

func (r *reader) pairs(e ast.Expr, into map[string]string) {
	literal, ok := e.(*ast.CompositeLit)
	if !ok {
		return
	}
	for _, pair := range literal.Elts {
		if pair, ok := pair.(*ast.KeyValueExpr); ok {
			into[r.text(pair.Key)] = r.text(pair.Value)
		}
	}
}

// text is the value of an expression that is a constant text, else empty.
func (r *reader) text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := literal(e)
		return text
	case *ast.Ident:
		return r.texts[e.Name]
	case *ast.SelectorExpr:
		return r.constants[e.Sel.Name]
	case *ast.CallExpr: // a conversion
		if len(e.Args) == 1 {
			return r.text(e.Args[0])
		}
	}
	return ""
}

func literal(e ast.Expr) (string, bool) {
	basic, ok := e.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(basic.Value)
	return text, err == nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// field is a field of a literal, or nil.
func field(literal *ast.CompositeLit, name string) ast.Expr {
	if literal == nil {
		return nil
	}
	for _, e := range literal.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok && named(pair.Key, name) {
			return pair.Value
		}
	}
	return nil
}

// isTable recognises ExpectedResponse and []ExpectedResponse.
func isTable(literal *ast.CompositeLit) bool {
	return strings.HasSuffix(strings.TrimPrefix(typeName(literal.Type), "[]"), ".ExpectedResponse")
}

func named(e ast.Expr, name string) bool {
	full := typeName(e)
	return full == name || strings.HasSuffix(full, "."+name)
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return typeName(e.X) + "." + e.Sel.Name
	case *ast.ArrayType:
		return "[]" + typeName(e.Elt)
	}
	return ""
}
