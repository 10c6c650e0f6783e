package server

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/edge"
	"github.com/azattest/azattest/internal/wire"
)

// methods are the handlers of one path, by method.
type methods map[string]http.HandlerFunc

// instanceRoutes is every path below the URL of an instance, in lower case.
func (s *Server) instanceRoutes() map[string]methods {
	return map[string]methods{
		"/attest/{type}":                    {http.MethodPost: s.attest},
		"/tpm/enroll":                       {http.MethodPost: s.beginEnrollment},
		"/tpm/activate":                     {http.MethodPost: s.activateEnrollment},
		"/policies/{type}":                  {http.MethodGet: s.getPolicy, http.MethodPut: s.setPolicy, http.MethodPost: s.resetPolicy},
		"/certificates":                     {http.MethodGet: s.getCertificates},
		"/certificates:add":                 {http.MethodPost: s.addCertificate},
		"/certificates:remove":              {http.MethodPost: s.removeCertificate},
		"/certs":                            {http.MethodGet: s.certs},
		"/.well-known/openid-configuration": {http.MethodGet: s.openIDConfiguration},
		"/tcbbaselines/{type}":              {http.MethodGet: s.tcbBaselines},
		"/servicehealth":                    {http.MethodGet: s.serviceHealth},
		"/operations/policy/current":        {http.MethodGet: s.previewGet, http.MethodPut: s.previewSet, http.MethodPost: s.previewReset},
		"/operations/policy/updatepolicy":   {http.MethodPost: s.previewPropose},
		"/operations/policy/certificates":   {http.MethodGet: s.previewCertificates, http.MethodPut: s.previewAdd, http.MethodPost: s.previewRemove},
	}
}

// processRoutes is every path that is about the process, whatever the host.
func (s *Server) processRoutes() map[string]methods {
	return map[string]methods{
		"/healthz": {http.MethodGet: s.healthz},
		"/readyz":  {http.MethodGet: s.readyz},
	}
}

// newMux makes a mux of routes. A path that is known answers other methods with
// those that it has.
func (s *Server) newMux(tables ...map[string]methods) *http.ServeMux {
	mux := http.NewServeMux()
	for _, routes := range tables {
		for pattern, byMethod := range routes {
			var allowed []string
			for method, handler := range byMethod {
				mux.HandleFunc(method+" "+pattern, handler)
				allowed = append(allowed, method)
				if method == http.MethodGet {
					allowed = append(allowed, http.MethodHead)
				}
			}
			slices.Sort(allowed)
			mux.HandleFunc(pattern, s.refuseMethod(strings.Join(allowed, ", ")))
		}
	}
	mux.HandleFunc("/", s.refusePath)
	return mux
}

// route finds instance and handler. The framework beneath Azure's service does not
// regard the case of paths, and Windows posts to /attest/tpm; so paths are folded
// first. Only plain paths are let through: the mux would answer others with a
// redirect, and a path with escapes may mean one thing to a proxy and another here.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	full := r.URL.Path
	if r.URL.RawPath != "" || !strings.HasPrefix(full, "/") || path.Clean(full) != full {
		s.refusePath(w, r)
		return
	}
	folded := wire.Fold(full)
	mux := s.processMux
	if !s.processPaths[folded] {
		if s.isPlain && r.TLS == nil && !edge.IsNear(r, s.proxies) {
			s.refusePlain(w, r)
			return
		}
		i, below, ok := s.instances.Lookup(r.Host, folded)
		if !ok {
			s.refuseHost(w, r)
			return
		}
		mux, folded = s.instanceMux, below
		noteOf(r).instance = i
	}
	inner := withPath(r, folded)
	// The mux says what it found, also of a handler that panicked.
	defer func() {
		if inner.Pattern != "/" {
			noteOf(r).route = routeName(inner.Pattern, folded)
		}
	}()
	mux.ServeHTTP(w, inner)
}

func (s *Server) refusePlain(w http.ResponseWriter, r *http.Request) {
	noteOf(r).cause = "plain HTTP from a peer that is no trusted proxy"
	s.refuse(w, r, http.StatusForbidden, wire.Error{
		Code: wire.CodeForbidden, Message: "Plain HTTP is for the proxies in front of the service: use https.",
	})
}

func withPath(r *http.Request, path string) *http.Request {
	u := *r.URL
	u.Path = path
	inner := r.WithContext(r.Context())
	inner.URL = &u
	return inner
}

// routeName is what log and metrics call a route. There are some dozens of them,
// whatever clients ask for.
func routeName(pattern, folded string) string {
	if _, p, ok := strings.Cut(pattern, " "); ok {
		pattern = p
	}
	before, _, ok := strings.Cut(pattern, "{type}")
	if !ok {
		return pattern
	}
	text, isReset := strings.CutSuffix(strings.TrimPrefix(folded, before), resetSuffix)
	t, ok := attest.ParseType(text)
	if !ok {
		return pattern
	}
	name := before + wire.Fold(string(t))
	if isReset {
		name += resetSuffix
	}
	return name
}

// Routes returns what log and metrics call the routes.
func Routes() []string {
	var names []string
	empty := new(Server)
	for _, table := range []map[string]methods{empty.instanceRoutes(), empty.processRoutes()} {
		for pattern := range table {
			names = append(names, pattern)
			before, _, ok := strings.Cut(pattern, "{type}")
			if !ok {
				continue
			}
			for _, t := range attest.Types() {
				names = append(names, before+wire.Fold(string(t)))
				if pattern == "/policies/{type}" {
					names = append(names, before+wire.Fold(string(t))+resetSuffix)
				}
			}
		}
	}
	return names
}

func (s *Server) refuseMethod(allowed string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allowed)
		s.refuse(w, r, http.StatusMethodNotAllowed, wire.Error{
			Code: wire.CodeMethodNotAllowed, Message: "The method " + wire.Clip(r.Method) + " is not allowed here, want " + allowed + ".",
		})
	}
}

func (s *Server) refusePath(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, http.StatusNotFound, wire.Error{
		Code: wire.CodeNotFound, Message: "There is no resource at '" + wire.Clip(r.URL.Path) + "'. Known: " + knownPaths + ".",
	})
}

// knownPaths is for people who mistyped one.
const knownPaths = "/attest/{type}, /tpm/enroll, /tpm/activate, /policies/{type}, /policies/{type}:reset, /certificates, /certificates:add, /certificates:remove, " +
	"/certs, /.well-known/openid-configuration, /tcbbaselines/{type}, /servicehealth"

// refuseHost does not say which instances there are: they may be other people's.
func (s *Server) refuseHost(w http.ResponseWriter, r *http.Request) {
	if _, broken := s.instances.Count(); broken > 0 {
		// It may be one of those, which is no fault of the client's.
		s.fail(w, r, errBroken)
		return
	}
	s.refuse(w, r, http.StatusNotFound, wire.Error{
		Code: wire.CodeNotFound, Message: "No instance answers at '" + wire.Clip(r.Host+r.URL.Path) + "': want the URL of an instance, and a path below it.",
	})
}

// typeOf reads the kind of evidence out of the path.
func typeOf(r *http.Request) (attest.Type, error) { return parseType(r.PathValue("type")) }

func parseType(text string) (attest.Type, error) {
	t, ok := attest.ParseType(text)
	if !ok {
		return "", &typeError{text}
	}
	return t, nil
}
