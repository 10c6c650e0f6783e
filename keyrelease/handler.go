package keyrelease

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Handler answers POST /keys/{name}/release and /keys/{name}/{version}/release as
// Azure Key Vault does, of a vault whose keys its [Releaser] has. Every other path is
// answered with 404, every other method with 405.
//
// It does not ask who is calling: put that before it, as Key Vault asks for a bearer
// token. Nothing is released to who is not attested, but who may ask can tell keys
// that there are from those that there are not. Nor does it bound how much is asked at
// once.
type Handler struct {
	releaser *Releaser
	// Refused is told of each request that is refused, and why: the error is the one
	// whose cause who asked does not hear. Nil: nobody is told. Set it before the first
	// request.
	Refused func(r *http.Request, err error)
}

// NewHandler returns a handler.
func NewHandler(r *Releaser) *Handler { return &Handler{releaser: r} }

// apiVersions are the spellings of versions: 7.3, 7.6-preview.2, 2025-07-01.
var apiVersions = regexp.MustCompile(`^(\d{1,2}\.\d{1,2}|\d{4}-\d{2}-\d{2})(-[a-z]{1,16}(\.\d{1,4})?)?$`)

// IsAPIVersion reports whether a text can be a version of Key Vault's API, of which later
// ones are taken, too: 7.4, 7.6-preview.2, 2025-07-01.
func IsAPIVersion(text string) bool { return apiVersions.MatchString(text) }

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	response, err := h.release(w, r)
	var body []byte
	if err == nil {
		body, err = json.Marshal(struct {
			Value string `json:"value"`
		}{response})
	}
	if err != nil {
		if h.Refused != nil {
			h.Refused(r, err)
		}
		WriteRefusal(w, err)
		return
	}
	writeJSON(w, http.StatusOK, body)
}

func (h *Handler) release(w http.ResponseWriter, r *http.Request) (string, error) {
	name, version, ok := ParsePath(r.URL.EscapedPath())
	switch {
	case !ok:
		return "", &RefusalError{Status: http.StatusNotFound, Code: codeNotFound, Message: "There is nothing here, want POST /keys/{name}/{version}/release."}
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return "", &RefusalError{Status: http.StatusMethodNotAllowed, Code: codeMethod, Message: "Keys are released by POST."}
	}
	apiVersion := r.URL.Query().Get("api-version")
	if !IsAPIVersion(apiVersion) {
		return "", badParameter("The query parameter api-version is missing or invalid, want a version such as 7.4.", nil)
	}
	body, err := readBody(w, r)
	if err != nil {
		return "", err
	}
	request, err := ParseRequest(body)
	if err != nil {
		return "", err
	}
	return h.releaser.Release(r.Context(), name, version, apiVersion, *request)
}

// ParsePath returns the name and the version of a key from the escaped path of a
// request for its release; the version is empty where none is named. Some of Azure's
// clients leave an empty segment where the version would be.
func ParsePath(path string) (name, version string, ok bool) {
	parts := strings.Split(path, "/")
	if len(parts) < 4 || len(parts) > 5 || parts[0] != "" || !strings.EqualFold(parts[1], "keys") || !strings.EqualFold(parts[len(parts)-1], "release") {
		return "", "", false
	}
	if len(parts) == 5 {
		version = parts[3]
	}
	return parts[2], version, IsKeyName(parts[2]) && (version == "" || isKeyVersion(version))
}

// MaxRequestBytes is the longest body of a request for a key, in bytes: that of the
// longest token, and the rest.
const MaxRequestBytes = maxTokenBytes + 8<<10

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" || parameters["charset"] != "" && !strings.EqualFold(parameters["charset"], "utf-8") {
		return nil, &RefusalError{Status: http.StatusUnsupportedMediaType, Code: codeMediaType, Message: "Content-Type: want application/json in UTF-8."}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxRequestBytes))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, &RefusalError{Status: http.StatusRequestEntityTooLarge, Code: codeTooLarge, Message: fmt.Sprintf("The request body has more than %d bytes.", MaxRequestBytes)}
	}
	if err != nil {
		return nil, badParameter("The request body could not be read.", err)
	}
	return body, nil
}

// WriteRefusal answers a request with an error: what a *[RefusalError] tells who
// asked, and of any other error nothing but that there was one.
func WriteRefusal(w http.ResponseWriter, err error) {
	e, ok := errors.AsType[*RefusalError](err)
	if !ok {
		e = &RefusalError{Status: http.StatusInternalServerError, Code: "InternalServerError", Message: "The request could not be carried out."}
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	writeJSON(w, e.Status, e.JSON())
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// Whoever has gone does not hear of it.
	_, _ = w.Write(append(body, '\n')) //nolint:gosec // G705: JSON, by encoding/json, which nothing is to sniff
}
