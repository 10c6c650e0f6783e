package server

import (
	"net/http"
	"strconv"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/wire"
)

// azureDefaultTCB is the baseline of policies that name none.
const azureDefaultTCB = "azuredefault"

// tcbBaselines serves GET /tcbbaselines/{type}: the baselines that a policy can
// name, and which of them holds.
func (s *Server) tcbBaselines(w http.ResponseWriter, r *http.Request) {
	n := noteOf(r)
	n.operation = opGetBaselines
	if _, problem := wire.ParseAPIVersion(r.URL.RawQuery, wire.BaselineVersions()); problem != nil {
		s.refuse(w, r, http.StatusBadRequest, *problem)
		return
	}
	selected, err := s.selectedBaseline(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, r, wire.NewTCBBaselines(selected))
}

func (s *Server) selectedBaseline(r *http.Request) (string, error) {
	t, err := s.noteType(r, r.PathValue("type"))
	if err != nil {
		return "", err
	}
	if err := s.admit(r, auth.Read); err != nil {
		return "", err
	}
	i := noteOf(r).instance
	if t != attest.SGXEnclave && t != attest.OpenEnclave || !i.IsServed(t) {
		return "", &notEnabledError{instance: i.Settings().Name, typ: t, what: "TCB baselines"}
	}
	identifier, number, err := i.TCBIdentifier(t)
	if err == nil && number > 0 && identifier == azureDefaultTCB {
		identifier = strconv.Itoa(number)
	}
	return identifier, err
}

// serviceHealth serves GET /servicehealth: 204 while requests may come here.
func (s *Server) serviceHealth(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if reason := s.notReady(); reason != "" {
		s.fail(w, r, &notReadyError{reason})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
